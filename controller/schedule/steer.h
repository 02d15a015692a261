/*
 * steer.h: what ctl does to a result or one of its tasks: abort, signal, hold,
 * priority.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_STEER_H
#define TASKFS_CONTROLLER_SCHEDULE_STEER_H

#include "run.h"

/* The verb abort. 0, -ESRCH (it ended already), -EHOSTUNREACH, -EOPNOTSUPP. */
int result_abort(struct result *r) must_check;
int task_abort(struct result *r, uint32_t index) must_check;

/* Hands out nothing of r from now on, or again; done() when that is stored (or
 * cannot be: then all is as before). -ESRCH: r has ended, done() is not called. */
int result_hold(struct result *r, bool hold, void (*done)(void *arg, int err),
		void *arg) must_check;

/* The tasks of r that wait are taken in another order; done() as above. */
int result_set_priority(struct result *r, int64_t priority,
			void (*done)(void *arg, int err), void *arg) must_check;

/* The same of one task of many, whatever is said of the others. */
int task_hold(struct result *r, uint32_t index, bool hold,
	      void (*done)(void *arg, int err), void *arg) must_check;
/* -EAGAIN: nothing of it runs (yet). */
int result_signal(struct result *r, int signo) must_check;
int task_signal(struct result *r, uint32_t index, int signo) must_check;

#endif
