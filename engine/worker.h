/*
 * worker.h: the engine proper, in the guard's child.
 */
#ifndef TASKFS_WORKER_H
#define TASKFS_WORKER_H

#include "engine.h"
#include "guard.h"

/*
 * Runs until the engine ends; returns the exit code. spool_dir: made
 * by the guard. guard: its pid; when that is gone already, nothing is begun.
 */
int worker_run(const struct config *config,
	       const char *spool_dir, struct handover *h, pid_t guard);

#endif
