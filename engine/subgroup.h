/*
 * subgroup.h: cgroups of version 2 that an engine makes: one for each task with a limit of
 * memory (the kernel's admin-guide/cgroup-v2.rst).
 *
 * An engine may make some when its cgroup is its own: no other process is in there, memory
 * is controlled there, and its files can be written (systemd: Delegate=yes). A cgroup
 * with others in it has no processes itself, so the engine moves into one of its own,
 * too. Where anything of that is refused, it stays where it was.
 */
#ifndef TASKFS_ENGINE_SUBGROUP_H
#define TASKFS_ENGINE_SUBGROUP_H

#include "cgroup.h"

/*
 * Before there is another process of the engine. The directory in which cgroups can be
 * made, the caller's; NULL: it may make none. subgroups_leave() is the way back, when
 * all others have ended: the directory is as it was then.
 */
char *subgroups_enter(const struct cgroup_files *files);
void subgroups_leave(char *dir);

/* A new one with this limit in bytes, the caller's; NULL: it cannot be. */
char *subgroup_make(const char *dir, uint64_t limit);
/* The process goes there, and all that it makes from now on. 0 or -errno. */
int subgroup_add(const char *group, pid_t pid) must_check;
/* So many processes in it the kernel has killed, because they had more; -1: nobody
 * knows. */
int64_t subgroup_kills(const char *group);
/* It goes, when nothing is in it; `pid` (0: none) goes back to where the engine is. */
void subgroup_drop(const char *dir, char *group, pid_t pid);

#endif
