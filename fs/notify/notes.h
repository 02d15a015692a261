/*
 * notes.h: what changed, for those who watch (notifier.h).
 *
 * A note is one thing that changed (a result, an engine, the controller), by
 * the inode number of its directory, and all that happened to it since it was
 * last told: so there are at most as many as things, however often they
 * change. Past NOTES_MAX new ones are dropped and counted, and those who watch
 * the directories of all results, tasks and engines are told to look again.
 *
 * One thread adds, another takes.
 */
#ifndef TASKFS_FS_NOTIFY_NOTES_H
#define TASKFS_FS_NOTIFY_NOTES_H

#include "base/list.h"
#include "base/map.h"

#include <pthread.h>

#define NOTES_MAX 65536

struct note {
	struct list link;
	uint64_t ino;
	uint64_t generation;
	unsigned what;		/* enum note_what (mirror/note_what.h), together */
	char *name;		/* of a pool; else NULL */
};

struct notes {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list queue;	/* struct note, oldest first */
	struct map by_ino;
	size_t n;
	uint64_t dropped;
	bool overflow;		/* some were dropped since the last notes_take() */
	bool stop;
};

void notes_init(struct notes *ns);
void notes_done(struct notes *ns);
/* name: NULL: its number says all. Copied. */
void notes_add(struct notes *ns, uint64_t ino, uint64_t generation,
	       unsigned what, const char *name);
void note_free(struct note *n);
/* notes_wait() returns false from now on. */
void notes_stop(struct notes *ns);

/*
 * For the other thread. Waits until there is a note and it is `later`
 * (mono_usec()), or, if that is not 0, until `until`. False: stopped.
 */
bool notes_wait(struct notes *ns, uint64_t later, uint64_t until) must_check;
/* All there are, to the end of *to, the caller's to free. */
void notes_take(struct notes *ns, struct list *to, bool *ret_overflow);
bool notes_stopped(struct notes *ns);

#endif
