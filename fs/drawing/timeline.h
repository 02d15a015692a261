/*
 * timeline.h: who ran what when, as a picture (SVG): a row for each engine, or
 * several for one that ran several tasks at a time, a bar for each task, time from
 * the first start to the right. Or what engines did lately, as a part of a page: then
 * time ends now.
 *
 * Knows nothing of the tree: it draws what it is given. Few bars are drawn one
 * by one; of many, those of one engine that share a pixel become one, paler
 * the less of that time was work; where anything failed it shows. So the text
 * stays below TIMELINE_MOST, whatever is drawn.
 */
#ifndef TASKFS_FS_DRAWING_TIMELINE_H
#define TASKFS_FS_DRAWING_TIMELINE_H

#include "base/buf.h"
#include "wire/state.h"

#define TIMELINE_MOST (1024 * 1024) /* bytes of text */

/* One try of a task. */
struct timeline_bar {
	int64_t engine;
	int64_t start, end;	/* usec; start 0: not begun, end 0: it runs */
	enum state state;	/* how it ended, or STATE_RUNNING */
	uint64_t result;	/* 0: it is that of the picture */
	uint64_t task;
	unsigned attempt;	/* from 1 */
};

struct timeline {
	uint64_t id;
	int64_t task;		/* it alone is drawn, of many; -1: all */
	struct bytes label;	/* foreign text; may be empty */
	enum state status;
	uint64_t count[STATES];	/* tasks */
	int64_t submitted, now;	/* usec; what runs is drawn up to now */
	/* Not 0: a part of a page in HTML, whose colour of text it has, from then to now.
	   All before is not said; what is `now` is when that page was made. */
	int64_t from;
	/* Engines that have a row whatever they did, ascending. */
	const int64_t *engine;
	size_t nengines;
	uint64_t n;		/* bars */
	/* The i-th; called more than once for each. */
	void (*bar)(const void *arg, uint64_t i, struct timeline_bar *ret);
	const void *arg;
};

/* Appends the picture: one well-formed document in UTF-8; of a page, one element. */
void timeline_put(const struct timeline *t, struct buf *out);

#endif
