/*
 * why.h: what the tasks of a result that were not begun wait for, in words.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_WHY_H
#define TASKFS_CONTROLLER_SCHEDULE_WHY_H

#include "model/results.h"

/* Appends what r waits for; nothing when no task of it waits. */
void why_put(const struct result *r, struct buf *out);
/* Appends what keeps an end of r from being stored; nothing when nothing does. */
void why_put_unstored(const struct result *r, struct buf *out);

/* What a result waits for that names no engine. */
enum missing {
	MISSING_ALL,	/* there is no engine */
	MISSING_TAKERS,	/* all are draining */
	MISSING_FREE,	/* none is free */
};

enum missing why_missing(const struct controller *c);

#endif
