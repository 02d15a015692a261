/*
 * bar.h: the line that results/<id>/watch draws: how far a result is.
 *
 *	pending for 3 s (an engine to be free)
 *	running for 12 s
 *	[#########............]  42% 42/100, 2 failed, 12.1/s, 3 s, 5 s left
 *	100/100 ok in 8.3 s
 *	error: CommandFailed: exit status 3 (0.2 s)
 */
#ifndef TASKFS_FS_DRAWING_BAR_H
#define TASKFS_FS_DRAWING_BAR_H

#include "base/buf.h"
#include "wire/state.h"

#define BAR_COLUMNS 79	/* a terminal wraps at 80 */

struct bar {
	enum state status;
	size_t columns;		/* of its line, at most; 0: BAR_COLUMNS */
	int64_t tasks;
	uint64_t count[STATES];
	bool begun;
	/* usec since it was submitted: when it began; until now, or its end */
	int64_t began, age;
	const char *why;		/* what it waits for; NULL: not known */
	const char *ename, *evalue;	/* of an error; or NULL */
};

/* Appends one line, without its newline. */
void bar_line(const struct bar *b, struct buf *out);
/* How long that is: "5 s", "1:05", "3:00:05". */
void bar_time(int64_t usec, struct buf *out);
/* How many columns text takes: characters, as none of them is wide. */
size_t bar_columns(struct bytes text);

#endif
