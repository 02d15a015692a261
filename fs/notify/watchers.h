/*
 * watchers.h: which inodes of the mount somebody watches with inotify (or
 * fanotify).
 *
 * The kernel does not tell a filesystem; but /proc/PID/fdinfo/FD of every
 * inotify descriptor lists the inodes it watches. watchers_find() looks
 * through all processes (some milliseconds), watchers_refresh() only at those
 * that watched something before. A process whose descriptors we may not see
 * (of another user, unless we are root) could watch unseen.
 *
 * Used by one thread, the notifier's.
 */
#ifndef TASKFS_FS_NOTIFY_WATCHERS_H
#define TASKFS_FS_NOTIFY_WATCHERS_H

#include "base/base.h"

struct watcher {
	int pid, fd;
};

struct watchers {
	unsigned long dev;	/* as fdinfo writes it */
	uint64_t *ino;		/* sorted */
	size_t n, room;
	struct watcher *known;
	size_t nknown, known_room;
};

void watchers_done(struct watchers *w);
/* -errno: there is no /proc to look into. */
int watchers_find(struct watchers *w) must_check;
void watchers_refresh(struct watchers *w);
bool watchers_has(const struct watchers *w, uint64_t ino);
/* The first of `from` or more; 0: none. */
uint64_t watchers_next(const struct watchers *w, uint64_t from);
/* Takes the inodes a text of fdinfo lists; true: there was one. */
bool watchers_parse(struct watchers *w, struct bytes text);

#endif
