/*
 * why.h: what a task that waits is told of pools: whether one starts engines for it.
 */
#ifndef TASKFS_CONTROLLER_POOLS_WHY_H
#define TASKFS_CONTROLLER_POOLS_WHY_H

#include "model/results.h"

/* Appends it to what r waits for; nothing when there are no pools. */
void pools_put_started(const struct result *r, struct buf *out);
/* Has all that waits told again, if that is another than it was. */
void pools_tell_tasks(struct controller *c);

#endif
