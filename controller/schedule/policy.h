/*
 * policy.h: which of the engines that could have a task gets it: one row for each of
 * ipyparallel's schemes.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_POLICY_H
#define TASKFS_CONTROLLER_SCHEDULE_POLICY_H

#include "core/controller.h"

struct engine;

/* pick(): of n > 0 engines that may have the task, least recently used first, the
 * index of the one that gets it. */
struct policy {
	const char *name;
	size_t (*pick)(struct engine *const *e, size_t n);
};

/* NULL: no such scheme. */
const struct policy *policy_find(const char *name);
const char *policy_name(const struct policy *p);

#endif
