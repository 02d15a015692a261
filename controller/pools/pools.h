/*
 * pools.h: looks again and again what the pools are to do: when tasks wait, when engines
 * come, have nothing to do or go, and as time goes on; but not more often than some times
 * a second, however many tasks there are.
 */
#ifndef TASKFS_CONTROLLER_POOLS_POOLS_H
#define TASKFS_CONTROLLER_POOLS_POOLS_H

#include "core/controller.h"

void pools_init(struct controller *c);
/* Reads them from the store, after the engines; -errno with a sentence in *why. */
int pools_load(struct controller *c, struct buf *why) must_check;
void pools_done(struct controller *c);

#endif
