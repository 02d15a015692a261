/*
 * lines.h: files of a map or view that have a line for each of its tasks.
 *
 * There may be a million lines: their sizes are known without the text. They are
 * -1 of one task, whose file is no such list.
 */
#ifndef TASKFS_FS_LINES_H
#define TASKFS_FS_LINES_H

#include "node.h"

void engine_lines(const struct obj *o, struct buf *out);
void exit_lines(const struct obj *o, struct buf *out);
void id_lines(const struct obj *o, struct buf *out);
int64_t engine_lines_size(const struct obj *o);
int64_t exit_lines_size(const struct obj *o);
int64_t id_lines_size(const struct obj *o);
/* The message id of task i, without a newline. */
void task_msg_id(const struct obj *o, int64_t i, struct buf *out);

#endif
