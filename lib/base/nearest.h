/*
 * nearest.h: which of some words a mistyped one may have meant.
 *
 *	struct nearest n = NEAREST(word);
 *	for (each word there is)
 *		nearest_try(&n, it);
 *	nearest_ask(&n, why);
 */
#ifndef TASKFS_NEAREST_H
#define TASKFS_NEAREST_H

#include "base/buf.h"

struct nearest {
	struct bytes word;
	const char *best;	/* so far; NULL: none is near */
	size_t distance;	/* of the best */
};

#define NEAREST(w) {.word = (w)}

/*
 * Each character that is missing, too much, another, or changed places with its
 * neighbour is one of distance (another one of a short word is two); less than half
 * of the characters may be wrong. The beginning of a word, and its
 * singular, are near. Of equals the
 * first counts.
 */
void nearest_try(struct nearest *n, const char *candidate);
/* Appends `: is "retries" meant?`, or nothing. */
void nearest_ask(const struct nearest *n, struct buf *out);

#endif
