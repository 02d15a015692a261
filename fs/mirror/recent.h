/*
 * recent.h: the tasks that ended lately, of whatever result: what engines did in the
 * last minutes, and how fast.
 *
 * A ring of the last RECENT_KEPT tasks of which it became known that they ended,
 * and that had begun. Those that ended longer ago than RECENT_AGE when that became
 * known (at the start of a mount) are not among them. Zeroes are an empty ring.
 */
#ifndef TASKFS_FS_MIRROR_RECENT_H
#define TASKFS_FS_MIRROR_RECENT_H

#include "task.h"

#define RECENT_KEPT 8192U
#define RECENT_AGE (600 * (int64_t)USEC_PER_SEC)

struct result;

struct recent_task {
	int64_t start, end;	/* steady_usec() */
	uint32_t result, index;
	int32_t engine;
	uint8_t state;		/* enum state */
};

struct recent {
	struct recent_task *ring;
	uint64_t next;		/* so many were added */
};

void recent_done(struct recent *re);
/* Task `index` of r has ended. */
void recent_add(struct recent *re, const struct result *r, uint32_t index,
		const struct task *t);
uint32_t recent_count(const struct recent *re);
/* The i-th, the one that became known last is 0. */
const struct recent_task *recent_get(const struct recent *re, uint32_t i);

#endif
