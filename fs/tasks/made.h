/*
 * made.h: which objects of a stream became which results, in few words.
 */
#ifndef TASKFS_FS_TASKS_MADE_H
#define TASKFS_FS_TASKS_MADE_H

#include "base/buf.h"

#define MADE_RUNS 4	/* so many are told; of more the last result */

struct made {
	uint64_t added;		/* objects on their way, or answered */
	struct made_run {
		uint64_t object, id, n;
	} run[MADE_RUNS];
	unsigned nruns;		/* more than MADE_RUNS: some are not told */
	uint64_t last;		/* the id of the last result; 0: none */
};

/* Objects count from 1. */
void made_note(struct made *m, uint64_t object, uint64_t id);
/* `; object 1 is result 7`, `; objects 1 to 5 are results 7 to 11`, or nothing. */
void made_put(const struct made *m, struct buf *out);

#endif
