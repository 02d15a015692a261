/*
 * kin.h: the processes below this one: children, theirs, and orphans that
 * came to it because it is their subreaper.
 *
 * Everything here is found in /proc and may have changed when it is used; who
 * wants them all gone asks again until wait() says ECHILD.
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

/* Our own children, the dead ones not yet waited for included. */
void kin_children(struct kin *ret);
/* The same and everything below them. */
void kin_descendants(struct kin *ret);

/*
 * A signal to the process group and to all of our descendants outside it,
 * but those in `spared` (may be NULL).
 */
void kin_signal(pid_t group, int signo, const struct kin *spared);
/*
 * SIGKILL to our children and their process groups, but those in `spared`
 * (may be NULL). Returns how many children that were.
 */
size_t kin_kill(const struct kin *spared);

#endif
