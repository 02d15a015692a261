/*
 * events.h: the file `events`: one numbered line for every change.
 *
 *	17953970001234 result 7 running
 *	17953970001235 engine 0 busy
 *	17953970001236 controller lost
 *
 * A ring of the last EVENTS_KEPT changes. Numbers have no gaps; they begin
 * with the time of the mount (in 1/10000 s), so that those of a later mount
 * are higher. Every line has EVENT_LINE bytes. What an offset in an open file
 * means is decided by its first use:
 *
 *	READ at 0		0 is the next change (cat)
 *	lseek(SEEK_END)		0 is the first change of this mount (tail -f)
 *	READ at n * EVENT_LINE	that is the line with number n: go on there
 *
 * One that falls behind the ring is told how much it missed, and goes on with
 * the oldest there is.
 */
#ifndef TASKFS_FS_EVENTS_H
#define TASKFS_FS_EVENTS_H

#include "base/base.h"
#include "base/buf.h"
#include "park.h"

#define EVENTS_KEPT 16384
#define EVENT_LINE 64

enum event_of { EVENT_OF_RESULT, EVENT_OF_ENGINE, EVENT_OF_CONTROLLER };

struct event {
	uint64_t id;
	enum event_of of;
	char word[12];
};

struct events {
	struct park *park;
	struct event *ring;
	uint64_t first;		/* the number of this mount's first */
	uint64_t next;		/* the number of the next one */
	unsigned placed;	/* files whose end was asked for */
	struct waitq waitq;
};

void events_init(struct events *ev, struct park *park);
void events_done(struct events *ev);
/* word: what it is now; longer ones are cut to 11 bytes. */
void events_add(struct events *ev, enum event_of of, uint64_t id,
		const char *word);
/* The oldest there is; `next` when there is none. */
uint64_t events_oldest(const struct events *ev);
/* Appends the lines from number n on, up to `limit` bytes, whole ones. */
void events_lines(const struct events *ev, uint64_t n, size_t limit,
		  struct buf *out);

/* What `events` does when it is open; see file.h. */
extern const struct io events_io;

#endif
