/*
 * notifier.h: inotify for what changes elsewhere.
 *
 * The kernel raises inotify events only for what is done through the mount.
 * So a thread of this process does harmless things there when something
 * changed: truncate() raises MODIFY, open() for writing and close()
 * CLOSE_WRITE, mkdir() CREATE, rmdir() DELETE. They are recognised by the
 * thread's id (kernel/echo.h), succeed, and change nothing.
 *
 * Only what somebody watches is told (watchers.h). Who watches is looked for
 * at most every 50 times as long as looking takes, so that with nobody there
 * it costs next to nothing; those who watched before are told at once.
 *
 *	serving thread			notifier's thread
 *	notifier_note()  -- notes -->	looks who watches, tells
 *	echo_*()		 <-- kernel --	truncate(), mkdir() ...
 *
 * The thread holds a descriptor inside of the mount only while it tells, and
 * first makes sure that the path still leads there. The serving thread never
 * waits for it; at the end it goes on serving until the thread has stopped.
 */
#ifndef TASKFS_FS_NOTIFY_NOTIFIER_H
#define TASKFS_FS_NOTIFY_NOTIFIER_H

#include "base/base.h"
#include "mirror/mirror.h"
#include "notes.h"

#include <pthread.h>
#include <stdatomic.h>

struct fs;

struct notifier {
	struct fs *fs;
	bool started;
	pthread_t thread;
	struct notes notes;
	/* For metrics. */
	atomic_ullong told, looks;
	atomic_bool ended;
};

/* The mount is there and served from now on. */
void notifier_start(struct notifier *n, struct fs *fs);
/* Waits for the thread, serving meanwhile; one that never started is fine. */
void notifier_stop(struct notifier *n);
/* The mirror's. */
void notifier_note(struct notifier *n, enum event_of of, uint64_t id,
		   int64_t index, uint64_t generation, unsigned what);

#endif
