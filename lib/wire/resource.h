/*
 * resource.h: what an engine has and a task needs beside processors: amounts of
 * memory (in bytes), of GPUs, of licences ... each by its name.
 */
#ifndef TASKFS_RESOURCE_H
#define TASKFS_RESOURCE_H

#include "base/buf.h"
#include "wire/json.h"
#include "wire/limits.h"

/* So much of one resource. */
struct amount {
	char name[LIMIT_RESOURCE_NAME + 1];
	int64_t n;
};

/* By name, each once. Zeroed: nothing. */
struct amounts {
	struct amount *of;
	size_t n;
};

void amounts_done(struct amounts *a);
/* How much of that; NULL: it is not among them. */
struct amount *amounts_find(const struct amounts *a, const char *name);
/* 0, -EINVAL: no name, or no amount; -E2BIG: there are LIMIT_RESOURCES others. */
int amounts_set(struct amounts *a, const char *name, int64_t n) must_check;

/*
 * The members of an object, {"gpu": 1}, are added; NULL is nothing. 0 or -errno as of
 * amounts_set(), and all before it are added.
 */
int amounts_read(struct amounts *a, struct json_object *o) must_check;
struct json_object *amounts_json(const struct amounts *a);

/*
 * What a task needs, from its options (task_options_check() had no objection):
 * `resources` and `memory`; and `cpus`, which is returned.
 */
unsigned amounts_of_task(struct amounts *a, struct json_object *options);

/*
 * A letter or "_", then these and digits, at most LIMIT_RESOURCE_NAME: it becomes a
 * part of the name of an environment variable.
 */
bool resource_name_ok(struct bytes name);
/* "memory" in the largest unit in which it is a whole number, as 24105M. */
void resource_put(struct buf *out, const char *name, int64_t n);

#endif
