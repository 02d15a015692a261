/*
 * inotify.h: a note becomes inotify events: what the notifier's thread does in
 * the mount. Nothing here is called from another thread.
 */
#ifndef TASKFS_FS_NOTIFY_INOTIFY_H
#define TASKFS_FS_NOTIFY_INOTIFY_H

#include "notifier.h"
#include "watchers.h"

struct inotify {
	struct notifier *n;
	struct echo *echo;
	struct watchers watchers;
	const char *name; /* of the pool that is told of; or NULL */
	int root;	/* the mount, while telling; or -1 */
	int err;	/* nothing can be told: in this turn, or any more */
};

void inotify_begin(struct inotify *t, struct notifier *n);
void inotify_end(struct inotify *t);
/* To and from the mount. -errno: it cannot be reached. Sets watchers.dev. */
int inotify_enter(struct inotify *t) must_check;
void inotify_leave(struct inotify *t);
/* What t->err says is for ever: the mount is dead, or read-only. */
bool inotify_is_over(const struct inotify *t);
/* What somebody watches; those bits of note->what are cleared. */
void inotify_tell(struct inotify *t, struct note *note);
/* Something was lost: look at the directories again. */
void inotify_tell_overflow(struct inotify *t);

#endif
