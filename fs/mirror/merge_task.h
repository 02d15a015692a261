/*
 * merge_task.h: what the objects of the protocol say of tasks (see merge.h).
 */
#ifndef TASKFS_FS_MIRROR_MERGE_TASK_H
#define TASKFS_FS_MIRROR_MERGE_TASK_H

#include "mirror.h"
#include "wire/msg.h"

/* A state by its word; STATE_NONE: it is none. */
enum state merge_state(struct bytes word);
/* The one task of a result; m: the message its small outputs are in, or NULL. */
void merge_task(struct mirror *mi, struct result *r, struct bytes task,
		const struct msg *m);
/* A task of n in short, as a list of numbers; false: it is none. */
bool merge_short(struct bytes list, uint32_t n, uint32_t *ret_i,
		 struct task *ret_t, struct usage *ret_u) must_check;
/* The tasks of a group as the members `changed` and `rest` of its result say. */
void merge_members(struct group *g, struct bytes object, uint64_t seq);
/* Of the answer to a question for one task: the texts of object. */
bool merge_detail(struct bytes object, struct detail *d) must_check;

#endif
