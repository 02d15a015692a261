/*
 * draft_dir.h: tasks/NAME/ and its files: finding, making, removing them.
 */
#ifndef TASKFS_FS_TASKS_DRAFT_DIR_H
#define TASKFS_FS_TASKS_DRAFT_DIR_H

#include "tree/node.h"

extern const struct class draft_class, draft_option_class;
int draft_remove_dir(const struct obj *o, struct wish *ret_wish);
int draft_remove_file(const struct obj *o, struct wish *ret_wish);
int draft_remove_submit(const struct obj *o, struct wish *ret_wish);
/* 0; -EBUSY: it is being submitted, which the thread is told. */
int draft_busy(const struct obj *o, pid_t tid);

#endif
