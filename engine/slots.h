/*
 * slots.h: how many tasks an engine runs at a time: what it is told, the cores it may
 * use, and what its descriptors serve.
 */
#ifndef TASKFS_ENGINE_SLOTS_H
#define TASKFS_ENGINE_SLOTS_H

#include "base/base.h"

/* Files of the outputs of tasks that have ended; with more nothing new begins. */
#define SLOTS_FILES_KEPT 256

/* "auto", or a number from 1 to LIMIT_SLOTS. 0 or -errno. */
int slots_parse(const char *text, size_t *ret) must_check;

/* The numbers of the processors that this process may use by its affinity; *ret is the
 * caller's. 0: nobody knows. */
size_t slots_processors(unsigned **ret);

/*
 * How many processors this process may use: by its affinity, and by the quota of its
 * cgroup and of those above it, rounded up. At least 1.
 */
size_t slots_cores(void);
/*
 * The least quota of a process, in processors, by what its /proc/PID/cgroup and
 * /proc/PID/mountinfo say; 0: there is none. Versions 1 and 2 of cgroups.
 */
double slots_quota(const char *cgroup, const char *mountinfo);

/* How many slots the descriptors serve that this process may have; at least 1. */
size_t slots_possible(void);
/* The limit of descriptors is raised as far as so many slots need and it can be. */
int slots_raise_limit(size_t slots) must_check;

#endif
