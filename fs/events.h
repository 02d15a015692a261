/*
 * events.h: the file `events`: one numbered line for every change.
 *
 *	12 result 7 running
 *	13 engine 0 busy
 *	14 controller lost
 *
 * A ring of the last EVENTS_KEPT changes. An open file has its own place in
 * it and begins at its end; one that falls behind by more is told how many
 * lines it missed and goes on with the oldest there is.
 */
#ifndef TASKFS_FS_EVENTS_H
#define TASKFS_FS_EVENTS_H

#include "base/base.h"
#include "base/buf.h"
#include "park.h"

#define EVENTS_KEPT 16384

enum event_of { EVENT_OF_RESULT, EVENT_OF_ENGINE, EVENT_OF_CONTROLLER };

struct event {
	uint64_t id;
	enum event_of of;
	char word[12];
};

struct events {
	struct park *park;
	struct event *ring;
	uint64_t next;		/* the number of the next one; from 1 */
	struct waitq waitq;
};

void events_init(struct events *ev, struct park *park);
void events_done(struct events *ev);
/* word: what it is now; longer ones are cut to 11 bytes. */
void events_add(struct events *ev, enum event_of of, uint64_t id,
		const char *word);
/*
 * Lines from number *at on, as many as begin within `limit` bytes; *at moves
 * behind them. -EAGAIN: none yet.
 */
int events_lines(const struct events *ev, uint64_t *at, size_t limit,
		 struct buf *out) must_check;

/* What `events` does when it is open; see file.h. */
extern const struct io events_io;

#endif
