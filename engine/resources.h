/*
 * resources.h: what an engine has for tasks beside its slots: what it is told
 * (--resource), and what is found.
 */
#ifndef TASKFS_ENGINE_RESOURCES_H
#define TASKFS_ENGINE_RESOURCES_H

#include "cgroup.h"
#include "wire/resource.h"

#define LIMIT_LABELS 4096	/* of one resource */

/* One resource. Those of a list have names of their own, and a task gets some of them;
 * of others it gets so many. */
struct resource {
	char name[LIMIT_RESOURCE_NAME + 1];
	int64_t n;		/* 0: there is none */
	char **label;		/* n of them; NULL: they have none */
};

struct resources {
	struct resource of[LIMIT_RESOURCES];
	size_t n;
};

/*
 * "NAME=AMOUNT": a number, or bytes as 8G of `memory`; "NAME=LIST": names between
 * commas, of numbers also 0-3. A later one takes the place of an earlier one. 0,
 * -EINVAL: not of this form; -ERANGE: too many.
 */
int resources_parse(struct resources *r, const char *text) must_check;
/*
 * Adds memory and gpu, unless they stand there. Who starts the engine may leave it some
 * GPUs only: `visible`, the value of CUDA_VISIBLE_DEVICES, or NULL. 0, or as
 * resources_parse(): that is no list of GPUs.
 */
int resources_find(struct resources *r, const char *visible) must_check;
void resources_done(struct resources *r);
struct resource *resources_get(const struct resources *r, const char *name);

/* The bytes of memory of this host, or of its cgroups if they have less. */
int64_t resources_memory(const char *meminfo, const struct cgroup_files *files);
/* "0,1": the numbers of the GPUs whose devices (nvidia0) are in the directory; the
 * caller's; NULL: there are none. */
char *resources_gpus(const char *dev);

#endif
