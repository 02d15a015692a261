/*
 * tasks.h: the entries of tasks/: what is unfinished, and what is being submitted
 * under a name; what the calling process submitted last.
 */
#ifndef TASKFS_FS_TASKS_TASKS_H
#define TASKFS_FS_TASKS_TASKS_H

#include "mirror/numbered.h"
#include "tree/node.h"

#define TASKS_NAMES 1024	/* names remembered */

struct tasks {
	struct list submissions;	/* struct submission */
	struct numbered names;		/* what was submitted under a name */
};

void tasks_init(struct tasks *t);
/* When no file is open any more. */
void tasks_done(struct tasks *t);

extern const struct class unfinished_class, submit_class;
int tasks_last(const struct obj *o, struct buf *out);
int tasks_error(const struct obj *o, struct buf *out);
void task_target(const struct obj *o, struct buf *out);
int task_remove(const struct obj *o, struct wish *ret_wish);

#endif
