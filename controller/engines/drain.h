/*
 * drain.h: engines that are given no more tasks, and finish what they have.
 * It is remembered over a restart of the controller, not of the engine.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_DRAIN_H
#define TASKFS_CONTROLLER_ENGINES_DRAIN_H

#include "model/engines.h"

void drain_begin(struct engine *e);
void drain_end(struct engine *e);
/* The engine is let go: nobody remembers that it drained. */
void drain_let_go(struct engine *e, const char *why);
/* The engine cannot run tasks, as far as one sees from here. */
void drain_because(struct engine *e, const char *why);
/* A message of an engine that cannot run tasks. */
void drain_on_told(struct engine *e, const struct msg *m);
/* Stores which engines drain; done (may be NULL) gets arg as op->arg. */
void drain_store(struct controller *c, void (*done)(struct store_op *op),
		 void *arg);
/* At the start: reads which engines drain. */
void drain_load(struct controller *c);

#endif
