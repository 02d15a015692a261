/*
 * plan.h: what pools are to do, from numbers alone: how many engines the tasks that wait
 * could use, how many are launched, how many are let go.
 *
 * First plan_begin() for each pool. Then, for each kind of task that waits,
 * plan_room() and plan_take() for the pools that could run it, in the order of the pools'
 * names, so that a task counts for one pool alone. Then plan_decide() for each pool.
 */
#ifndef TASKFS_CONTROLLER_POOLS_PLAN_H
#define TASKFS_CONTROLLER_POOLS_PLAN_H

#include "base/base.h"

/* Numbers of engines. */
struct plan {
	uint64_t min, max, backlog;
	uint64_t have;		/* registered, and not gone */
	uint64_t leaving;	/* of them: told to end */
	uint64_t fresh;		/* of them: will be there soon, with nothing to do */
	uint64_t coming;	/* asked for, and not registered */
	uint64_t dying;		/* of them: their launch is being cancelled */
	uint64_t free, idle;	/* nothing to do: now; for so long that they may go */
	bool claims;		/* tasks may count for it: it can launch, or soon */
	bool launches;		/* it can launch now */
	bool keeps;		/* it is paused: nothing is let go */
	/* What comes out. */
	uint64_t parts;		/* of engines, for tasks; see PLAN_ENGINE */
	uint64_t more;		/* parts that it has no room for */
	uint64_t wanted;	/* that tasks which wait could use, if it may have them or not */
	uint64_t launch;	/* to be launched now */
	uint64_t let_go;
	uint64_t spare;		/* of coming: nobody wants them now */
	bool short_of;		/* tasks wait that it could run, and that no pool has room for */
};

/* So many parts are an engine. */
#define PLAN_ENGINE (1ULL << 32)

void plan_begin(struct plan *p);
/* So many tasks more the pool could run that run now nowhere; `fits` > 0 of them fit one
 * engine. */
uint64_t plan_room(const struct plan *p, uint64_t fits);
/* n of these, n <= plan_room(), count for the pool. */
void plan_take(struct plan *p, uint64_t fits, uint64_t n);
/* So many more, that no pool has room for, could run here. */
void plan_want(struct plan *p, uint64_t fits, uint64_t n);
void plan_decide(struct plan *p);

#endif
