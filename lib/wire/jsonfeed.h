/*
 * jsonfeed.h: JSON objects out of a text that comes in pieces.
 *
 * It counts lines and characters, to say where a mistake is. Between objects there may be blanks, nothing else. A mistake is final: the
 * feed is good for nothing but jsonfeed_reset() then.
 */
#ifndef TASKFS_JSONFEED_H
#define TASKFS_JSONFEED_H

#include "base/buf.h"
#include "wire/json.h"
#include "wire/json_reader.h"

#define JSONFEED_NEAR 32	/* bytes shown before a mistake, and behind it */

/* In a reason: what follows is text of who wrote it. */
#define JSONFEED_SHOWS " near: "

struct jsonfeed {
	struct json_reader reader;
	bool inside;	/* an object has begun and not ended */
	size_t bytes;	/* of that object so far */
	bool named;	/* a colon came in it: a name has ended */
	uint64_t count;	/* objects that ended */
	/* What was taken, up to here. */
	uint64_t lines;		/* that ended */
	uint64_t column;	/* characters of this line */
	char near[JSONFEED_NEAR]; /* the last bytes of this line */
	size_t nnear;
	uint64_t began;		/* the object: lines that had ended */
};

void jsonfeed_reset(struct jsonfeed *j);
void jsonfeed_done(struct jsonfeed *j);
/*
 * Takes from *text what belongs to the next object. 1: *ret_o is it, the
 * caller's to put. 0: all taken, the object has not ended (or not begun).
 * -EINVAL, -EFBIG: a mistake, the reason and its place in *why.
 */
int jsonfeed_next(struct jsonfeed *j, struct bytes *text,
		  struct json_object **ret_o, struct buf *why) must_check;
/* No more will come, and an object is not whole: that is a mistake. */
void jsonfeed_unended(const struct jsonfeed *j, struct buf *why);

#endif
