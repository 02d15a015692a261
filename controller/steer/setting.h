/*
 * setting.h: what is set of a result, or of one of its tasks, until it ends: hold, the
 * options that can change (TASK_CHANGES in wire/task_option.h), items of an open map.
 */
#ifndef TASKFS_CONTROLLER_STEER_SETTING_H
#define TASKFS_CONTROLLER_STEER_SETTING_H

#include "schedule/run.h"
#include "wire/task_option.h"

/* Hands out nothing of r from now on, or again; done() when that is stored (or
 * cannot be: then all is as before). -ESRCH: r has ended, done() is not called. */
int result_hold(struct result *r, bool hold, void (*done)(void *arg, int err),
		void *arg) must_check;
/* The same of one task of many, whatever is said of the others. */
int task_hold(struct result *r, uint32_t index, bool hold,
	      void (*done)(void *arg, int err), void *arg) must_check;

/*
 * The option has this value from now on; NULL: as if it had not been given. What runs
 * is told of another time_limit when that is stored: done() gets -EHOSTUNREACH or
 * -EOPNOTSUPP when that cannot be, and what has not begun has the new one. value is
 * borrowed.
 * -EINVAL with the reason in *why: r cannot have that; -ESRCH.
 */
int result_set_option(struct result *r, const struct task_option *o,
		      struct json_object *value, struct buf *why,
		      void (*done)(void *arg, int err), void *arg) must_check;

/*
 * n more tasks with these items, each ended by a NUL; *items is moved. They wait when
 * that is stored, and then done() is called. -ESRCH: r has ended, or is aborted; -EPERM,
 * -EFBIG with the reason in *why. done() is not called then.
 */
int result_add(struct result *r, struct buf *items, uint64_t n, struct buf *why,
	       void (*done)(void *arg, int err), void *arg) must_check;
#endif
