/*
 * lane.h: bytes of many tasks one behind the other, as one file shows them:
 * which task's are at an offset, and how many there are so far.
 *
 * A lane grows over the tasks in their order (or in the order in which they
 * ended) as far as they are ready, and remembers the sum before every
 * LANE_STEP-th, so that a seek is cheap and a million tasks cost kilobytes.
 */
#ifndef TASKFS_FS_LANE_H
#define TASKFS_FS_LANE_H

#include "base/base.h"

#define LANE_STEP 256U

struct group;

enum lane_of {
	LANE_VALUE,	/* the values, up to the first that is not ok */
	LANE_STDOUT,	/* of those that ended, up to the first that did not */
	LANE_STDERR,
	LANE_DATA,
	LANE_OUTPUT,	/* stdout and stderr of each, the same */
	LANE_OUTPUT_DONE, /* stdout and stderr in the order they ended */
	LANE_NUMBERS,	/* lines with the numbers, in the order they ended */
	LANES,
};

struct lane {
	enum lane_of of;
	const uint32_t *order;	/* of its own; NULL: as `of` says */
	uint64_t *before;	/* bytes before each LANE_STEP-th place */
	uint32_t room;
	uint32_t next;		/* the first place that is not in it */
	uint64_t bytes;		/* before that */
};

void lane_init(struct lane *l, enum lane_of of);
void lane_done(struct lane *l);
/* Takes in what is ready by now; returns its bytes. */
uint64_t lane_grow(struct lane *l, const struct group *g);
/*
 * The bytes of the first task that is not ready, so far: those of an output
 * can be shown.
 */
uint64_t lane_tail(const struct lane *l, const struct group *g);
/* The task at a place that is ready. */
uint32_t lane_task(const struct lane *l, const struct group *g,
		   uint32_t place);
/* Bytes at a place. */
uint64_t lane_size(const struct lane *l, const struct group *g,
		   uint32_t place);
/* The place with the byte at off (before l->bytes), and where it begins. */
uint32_t lane_find(const struct lane *l, const struct group *g, uint64_t off,
		   uint64_t *ret_start);
/* A number as a line: bytes. */
unsigned lane_digits(uint32_t n);

#endif
