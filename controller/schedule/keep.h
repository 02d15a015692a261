/*
 * keep.h: a task that needs much does not starve behind small ones.
 *
 * When it is its turn, and no engine has as much free, one is kept for it: what comes
 * behind it may begin there only if it takes nothing that this task waits for, or ends
 * (its time_limit says when) before this task can begin. When that is, the time limits
 * of what runs there say; if one has none, nobody knows, and nothing ends before.
 *
 * The scheduler keeps engines anew each time it looks at what is ready, in the order of
 * the tasks; the same engine for the same result, while that can be.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_KEEP_H
#define TASKFS_CONTROLLER_SCHEDULE_KEEP_H

#include "fit.h"

/* turn: a number for each time the scheduler looks, from 1 on. */
void keep_engine(struct result *r, const struct speakers *s, uint64_t turn);
/* Of one task of a view: the engine is the one that it is for. */
void keep_this(struct result *r, struct engine *e, uint64_t turn);
/* The engine is kept for another result, and r would delay that. */
bool keep_forbids(const struct result *r, const struct engine *e, uint64_t turn);

#endif
