/*
 * draft_file.h: tasks/NAME/OPTION, open.
 *
 * Code, stdin and map are written in place. Of the others an open file has a
 * text of its own, which becomes the option's when it is a good value: at once
 * when it ends with a newline or is one value, else at the close.
 */
#ifndef TASKFS_FS_TASKS_DRAFT_FILE_H
#define TASKFS_FS_TASKS_DRAFT_FILE_H

#include "tree/node.h"

extern const struct io draft_file_io;
int draft_resize_file(const struct obj *o, uint64_t size);

#endif
