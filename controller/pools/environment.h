/*
 * environment.h: what the commands of a pool find in their environment.
 */
#ifndef TASKFS_CONTROLLER_POOLS_ENVIRONMENT_H
#define TASKFS_CONTROLLER_POOLS_ENVIRONMENT_H

#include "pool.h"

struct environment {
	char *of[12];	/* NAME=VALUE, ended by NULL */
	size_t n;
};

/* TASKFS_POOL, TASKFS_LAUNCH and so on, of a command of this launch. */
void environment_make(struct environment *env, const struct launch *l);
void environment_done(struct environment *env);

#endif
