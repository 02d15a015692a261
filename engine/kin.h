/*
 * kin.h: the processes below one, `root`: children, theirs, and orphans that
 * came to it because it is their subreaper. It is this process, or a child of it.
 *
 * Everything here is found in /proc and may have changed when it is used; who
 * wants them all gone asks again until root's wait() says ECHILD.
 */
#ifndef TASKFS_KIN_H
#define TASKFS_KIN_H

#include "base/base.h"

struct kin {
	pid_t *pid;
	size_t n, room;
};

#define KIN_INIT {0}

void kin_done(struct kin *k);
void kin_add(struct kin *k, pid_t pid);
bool kin_has(const struct kin *k, pid_t pid);
void kin_remove(struct kin *k, pid_t pid);

/* Its own children, the dead ones not yet waited for included. */
void kin_children(pid_t root, struct kin *ret);
/* The same and everything below them. */
void kin_descendants(pid_t root, struct kin *ret);

/* A signal to the process group and to all of root's descendants outside it. */
void kin_signal(pid_t root, pid_t group, int signo);
/*
 * SIGKILL to root's children and their process groups, but those in `spared`
 * (may be NULL). Returns how many children that were.
 */
size_t kin_kill(pid_t root, const struct kin *spared);

#endif
