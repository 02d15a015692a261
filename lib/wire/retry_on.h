/*
 * retry_on.h: after which failures a task is tried again: the words of the option
 * `retry_on`.
 */
#ifndef TASKFS_WIRE_RETRY_ON_H
#define TASKFS_WIRE_RETRY_ON_H

#include "base/base.h"

struct retry_on {
	bool lost;		/* its engine was lost, or ended under it */
	bool error;		/* any other failure */
	uint32_t status[8];	/* exit status n: bit n % 32 of status[n / 32] */
};

#define RETRY_ON_WORDS "\"lost\", \"error\" or \"exit N\""

/* Adds a word: "lost", "error", "exit 75". False: there is no such word. */
bool retry_on_add(struct retry_on *on, struct bytes word);
bool retry_on_status(const struct retry_on *on, int exit_status);

#endif
