/*
 * offsets.h: bytes of many tasks one behind the other, as one file shows them:
 * which task's are at an offset of that file, and how many there are so far.
 *
 * They grow over the tasks in their order (or in the order in which they
 * ended) as far as those are ready, and remember the sum before every
 * OFFSETS_STEP-th, so that a seek is cheap and a million tasks cost kilobytes.
 */
#ifndef TASKFS_FS_MIRROR_OFFSETS_H
#define TASKFS_FS_MIRROR_OFFSETS_H

#include "base/base.h"

#define OFFSETS_STEP 256U

struct group;

enum offsets_of {
	OFFSETS_VALUE,	/* the values, up to the first that is not ok */
	OFFSETS_STDOUT,	/* of those that ended, up to the first that did not */
	OFFSETS_STDERR,
	OFFSETS_DATA,
	OFFSETS_OUTPUT,	/* stdout and stderr of each, the same */
	OFFSETS_OUTPUT_DONE, /* stdout and stderr in the order they ended */
	OFFSETS_NUMBERS, /* lines with the numbers, in the order they ended */
	OFFSETS,
};

struct offsets {
	enum offsets_of of;
	const uint32_t *order;	/* of its own; NULL: as `of` says */
	uint64_t *before;	/* bytes before each OFFSETS_STEP-th place */
	uint32_t room;
	uint32_t next;		/* the first place that is not in it */
	uint64_t bytes;		/* before that */
};

void offsets_init(struct offsets *l, enum offsets_of of);
void offsets_done(struct offsets *l);
/* Takes in what is ready by now; returns its bytes. */
uint64_t offsets_grow(struct offsets *l, const struct group *g);
/*
 * The bytes of the first task that is not ready, so far: those of an output
 * can be shown.
 */
uint64_t offsets_tail(const struct offsets *l, const struct group *g);
/* The task at a place that is ready. */
uint32_t offsets_task(const struct offsets *l, const struct group *g,
		      uint32_t place);
/* The place with the byte at off (before l->bytes), and where it begins. */
uint32_t offsets_find(const struct offsets *l, const struct group *g,
		      uint64_t off, uint64_t *ret_start);
/* A number as a line: bytes. */
unsigned offsets_number_size(uint32_t n);

#endif
