/*
 * dress.h: what a task gets besides what is written of it: options that its script says
 * itself, and what the process that submits it is.
 */
#ifndef TASKFS_FS_TASKS_DRESS_H
#define TASKFS_FS_TASKS_DRESS_H

#include "base/buf.h"
#include "wire/json.h"

/*
 * Adds all that to the options. tid: a thread of who submits; origin: of origin_find();
 * has_map: there is a map, in the options or beside them. -EINVAL or -EFBIG with the
 * reason in *why.
 */
int dress_options(pid_t tid, const char *origin, struct bytes code, bool has_map,
		  struct json_object *options, struct buf *why) must_check;

#endif
