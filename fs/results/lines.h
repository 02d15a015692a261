/*
 * lines.h: the text of a list that is made while it is read: what was made last, as
 * much of it as READs that overlap may ask for again.
 */
#ifndef TASKFS_FS_RESULTS_LINES_H
#define TASKFS_FS_RESULTS_LINES_H

#include "base/buf.h"
#include "wire/limits.h"

#define LINES_KEPT (1 * MIB)	/* behind a reader, and ahead of the last one */

/* Zeroes are the beginning of a text. */
struct lines {
	struct buf text;
	uint64_t at;		/* where in the whole it begins */
};

static inline uint64_t lines_end(const struct lines *l)
{
	return l->at + l->text.n;
}

/* Goes on elsewhere. */
static inline void lines_begin(struct lines *l, uint64_t at)
{
	buf_clear(&l->text);
	l->at = at;
}

/* Somebody reads at off: what nobody asks for any more goes. */
static inline void lines_drop(struct lines *l, uint64_t off)
{
	size_t n;

	if (off < l->at + 2 * LINES_KEPT)
		return;
	n = min_u64(off - LINES_KEPT - l->at, l->text.n);
	buf_shift(&l->text, n);
	l->at += n;
}

#endif
