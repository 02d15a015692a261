/*
 * any.h: tasks/any: a read waits for the next end of what the calling process has
 * submitted, as `wait -n` of a shell. One end for each open of the file.
 */
#ifndef TASKFS_FS_TASKS_ANY_H
#define TASKFS_FS_TASKS_ANY_H

#include "tree/node.h"

extern const struct io any_io;

#endif
