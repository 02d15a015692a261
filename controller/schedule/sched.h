/*
 * sched.h: which task goes to which engine: results with tasks to hand out by
 * priority, then id; engines by one policy of a table (policy.h).
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_SCHED_H
#define TASKFS_CONTROLLER_SCHEDULE_SCHED_H

#include "core/controller.h"
#include "model/results.h"

void sched_init(struct controller *c);
void sched_done(struct controller *c);
/* What waits for this engine waits for something else now: clients hear it. */
void sched_tell_waiting(struct controller *c, int64_t engine);
/* The same of everything that is ready. */
void sched_tell_all(struct controller *c);
/* The disk is full, or has room again (store_is_full()): what waits for it waits for
 * something else now. */
void sched_on_disk(struct controller *c);
/* An engine is gone for ever: what waits for it alone ends this turn. */
void sched_check(struct controller *c);
/* Capacity or tasks changed: look at the end of this turn. */
void sched_kick(struct controller *c);
/* Not before usec microseconds from now. */
void sched_kick_after(struct controller *c, uint64_t usec);

#endif
