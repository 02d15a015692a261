/*
 * hooks.h: what pools hear of engines.
 */
#ifndef TASKFS_CONTROLLER_POOLS_HOOKS_H
#define TASKFS_CONTROLLER_POOLS_HOOKS_H

#include "model/engines.h"

extern const struct engine_hooks pools_hooks;
/* Pools were loaded: the engines that were known before are theirs again. */
void pools_take_engines(struct controller *c);

#endif
