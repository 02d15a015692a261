/*
 * hooks.h: what goes through several rooms: which of them hear of engines, and who
 * carries messages to the engines.
 */
#ifndef TASKFS_CONTROLLER_HOOKS_H
#define TASKFS_CONTROLLER_HOOKS_H

#include "core/controller.h"

/* Sets both, before anything is loaded. */
void hooks_set(struct controller *c);

#endif
