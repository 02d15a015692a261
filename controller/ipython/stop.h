/*
 * stop.h: a run on an engine of ipyparallel is interrupted: aborted, past its time
 * limit, or by a signal.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_STOP_H
#define TASKFS_CONTROLLER_IPYTHON_STOP_H

#include "call.h"

int call_abort(struct run *run) must_check;
int call_signal(struct run *run, int signo) must_check;
/* The time limit is another one: usec since it began, 0: none. */
int call_limit(struct run *run, uint64_t usec) must_check;

#endif
