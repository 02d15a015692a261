/*
 * tell.h: a note becomes inotify events: what the notifier's thread does in
 * the mount. Nothing here is called from another thread.
 */
#ifndef TASKFS_FS_TELL_H
#define TASKFS_FS_TELL_H

#include "notifier.h"
#include "watchers.h"

struct teller {
	struct notifier *n;
	struct echo *echo;
	struct watchers watchers;
	int root;	/* the mount, while telling; or -1 */
	int err;	/* nothing can be told: in this turn, or any more */
};

void teller_init(struct teller *t, struct notifier *n);
void teller_done(struct teller *t);
/* To and from the mount. -errno: it cannot be reached. Sets watchers.dev. */
int teller_enter(struct teller *t) must_check;
void teller_leave(struct teller *t);
/* What t->err says is for ever: the mount is dead, or read-only. */
bool teller_is_over(const struct teller *t);
/* What somebody watches; those bits of note->what are cleared. */
void tell(struct teller *t, struct note *note);
/* Something was lost: look at the directories again. */
void tell_overflow(struct teller *t);

#endif
