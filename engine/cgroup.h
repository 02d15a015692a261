/*
 * cgroup.h: the cgroups that this process is in, versions 1 and 2, and what their files
 * say (the kernel's admin-guide/cgroup-v2.rst and cgroup-v1).
 */
#ifndef TASKFS_ENGINE_CGROUP_H
#define TASKFS_ENGINE_CGROUP_H

#include "base/base.h"

/* Where a process's cgroups are told: /proc/PID/cgroup and /proc/PID/mountinfo. */
struct cgroup_files {
	const char *cgroup, *mountinfo;
};

/* This process's. */
extern const struct cgroup_files cgroup_own;

/*
 * Calls f for the directory of the process's cgroup, and for those of the cgroups above
 * it, in each hierarchy that is mounted and has this controller ("cpu", "memory"), and
 * in that of version 2.
 */
void cgroup_each(const struct cgroup_files *files, const char *controller,
		 void (*f)(const char *dir, bool v2, void *arg), void *arg);

/* The first words of the first line of a file there, as numbers; how many. "max" is
 * -1. */
int cgroup_numbers(const char *dir, const char *name, int64_t *n, int most);
/* Lines as "oom_kill 3" or, in other files of /proc, "Pss:  12 kB": the number, at most
 * `most`, behind that name. False: there is none. */
bool cgroup_number(struct bytes text, const char *name, uint64_t most, uint64_t *ret);
/* The number behind that name in a file of lines as "oom_kill 3"; -1: there is none. */
int64_t cgroup_named(const char *dir, const char *file, const char *name);

#endif
