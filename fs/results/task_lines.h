/*
 * task_lines.h: files of a map or view that have a line for each of its tasks.
 *
 * There may be a million lines: their sizes are known without the text. They are
 * -1 of one task, whose file is no such list.
 */
#ifndef TASKFS_FS_RESULTS_TASK_LINES_H
#define TASKFS_FS_RESULTS_TASK_LINES_H

#include "tree/node.h"

void task_lines_engine(const struct obj *o, struct buf *out);
void task_lines_exit(const struct obj *o, struct buf *out);
void task_lines_msg_id(const struct obj *o, struct buf *out);
int64_t task_lines_engine_size(const struct obj *o);
int64_t task_lines_exit_size(const struct obj *o);
int64_t task_lines_msg_id_size(const struct obj *o);
/* The message id of task i, without a newline. */
void task_msg_id(const struct obj *o, int64_t i, struct buf *out);

#endif
