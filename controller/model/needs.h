/*
 * needs.h: what a task needs of an engine, and what an engine has: slots (cpus) and
 * other resources. The scheduler asks for each kind of needs, not for each task.
 */
#ifndef TASKFS_CONTROLLER_MODEL_NEEDS_H
#define TASKFS_CONTROLLER_MODEL_NEEDS_H

#include "core/controller.h"
#include "wire/resource.h"

/* Results whose tasks need the same, for as long, have the same one. */
struct needs {
	struct controller *c;
	char *key;		/* all of it, as text */
	unsigned uses;
	unsigned cpus;
	struct amounts other;
	uint64_t min_time;	/* microseconds that the engine must still be there */
	uint64_t time_limit;	/* microseconds; 0: none */
};

/* What the options say; give it back with needs_drop(). */
struct needs *needs_of(struct controller *c, struct json_object *options);
struct needs *needs_use(struct needs *n);
void needs_drop(struct needs *n);
/* "4 cpus, 2G memory, 1 gpu, for 3600 s" */
void needs_put(const struct needs *n, struct buf *out);

/* One slot, and nothing else. */
static inline bool needs_one(const struct needs *n)
{
	return n->cpus == 1 && !n->other.n && !n->min_time;
}

/* A resource of an engine: what it has, and what its runs were given. */
struct stock {
	char name[LIMIT_RESOURCE_NAME + 1];
	int64_t total, used;
};

struct stocks {
	struct stock *of;	/* one that it has not: total 0 */
	size_t n;
};

void stocks_done(struct stocks *s);
/* The engine has this, and nothing else; what is used stays. */
void stocks_set(struct stocks *s, const struct amounts *has);
/* It has less (by: 1) or more (-1) of what these need. */
void stocks_take(struct stocks *s, const struct amounts *need, int by);
/* The engine has as much: free, or, with `ever`, at all. */
bool stocks_have(const struct stocks *s, const struct amounts *need, bool ever);
/* NULL: it has none. */
const struct stock *stocks_find(const struct stocks *s, const char *name);

#endif
