/*
 * inherit.h: the environment of who submits, for the option `inherit`.
 */
#ifndef TASKFS_FS_TASKS_INHERIT_H
#define TASKFS_FS_TASKS_INHERIT_H

#include "base/buf.h"
#include "wire/json.h"

/*
 * Adds to `env` of the options what their `inherit` wants of the environment of that
 * process, as it was when its program began (proc(5), /proc/pid/environ); what `env` has
 * already stays. Nothing without `inherit`. -EINVAL, or -EFBIG, with the reason in *why.
 */
int inherit_add(pid_t tid, struct json_object *options, struct buf *why)
	must_check;

#endif
