/*
 * about.h: what a task is told in its environment: which it is, and what it has of its
 * engine.
 */
#ifndef TASKFS_ENGINE_ABOUT_H
#define TASKFS_ENGINE_ABOUT_H

#include "task.h"

#define ABOUT_MOST (16 + LIMIT_RESOURCES)

struct about {
	const char *env[2 * ABOUT_MOST + 1];	/* name, value, ... NULL */
	char *own[2 * ABOUT_MOST];		/* those to be freed */
	size_t n, nown;
};

/* Zeroed before. o: the request's metadata "taskfs", or NULL; item: borrowed, or NULL.
 * The task has its slots and resources. */
void about_task(struct about *a, const struct task *t, struct json_object *o,
		const char *item);
void about_done(struct about *a);

#endif
