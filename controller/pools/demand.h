/*
 * demand.h: which engines of which pool the tasks that wait could use.
 */
#ifndef TASKFS_CONTROLLER_POOLS_DEMAND_H
#define TASKFS_CONTROLLER_POOLS_DEMAND_H

#include "model/needs.h"
#include "pool.h"

/* So many tasks are looked at beyond those that pools have room for; and one of each kind. */
#define DEMAND_MORE 1000

/* How many tasks with such needs an engine of the pool runs at a time, as far as it is
 * known; 0: none. */
uint64_t demand_fits(const struct pool *p, const struct needs *needs);
/* Shares what waits among the plans of all pools, which have begun. What it costs grows
 * with the kinds of tasks, and not with the tasks. */
void demand_share(struct controller *c);

#endif
