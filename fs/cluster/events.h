/*
 * events.h: the file `events`: one numbered line for every change.
 *
 *	17953970001234 result 7 running
 *	17953970001235 engine 0 busy
 *	17953970001236 controller lost
 *
 * The changes and their numbers are those of park/event_ring.h. Every line has
 * EVENT_LINE bytes. What an offset in an open file means is decided by its first
 * use:
 *
 *	READ at 0		0 is the next change (cat)
 *	lseek(SEEK_END)		0 is the first change of this mount (tail -f)
 *	READ at n * EVENT_LINE	that is the line with number n: go on there
 *
 * One that falls behind the ring is told how much it missed, and goes on with
 * the oldest there is.
 */
#ifndef TASKFS_FS_CLUSTER_EVENTS_H
#define TASKFS_FS_CLUSTER_EVENTS_H

#include "park/event_ring.h"
#include "tree/node.h"

#define EVENT_LINE 64

/* Appends the lines from number n on, up to `limit` bytes, whole ones. */
void events_lines(const struct event_ring *ev, uint64_t n, size_t limit,
		  struct buf *out);

/* What `events` does when it is open; see open/file.h. */
extern const struct io events_io;

#endif
