/*
 * steer.h: what ctl does to what runs of a result, or to one of its tasks: abort,
 * signal.
 */
#ifndef TASKFS_CONTROLLER_STEER_STEER_H
#define TASKFS_CONTROLLER_STEER_STEER_H

#include "schedule/run.h"

/* The verb abort. 0, -ESRCH (it ended already), -EHOSTUNREACH, -EOPNOTSUPP. */
int result_abort(struct result *r) must_check;
int task_abort(struct result *r, uint32_t index) must_check;

/* -EAGAIN: nothing of it runs (yet). */
int result_signal(struct result *r, int signo) must_check;
int task_signal(struct result *r, uint32_t index, int signo) must_check;

#endif
