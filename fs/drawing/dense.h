/*
 * dense.h: the bars of a picture (timeline.h) that has many of them: those of a row
 * that share a pixel become one cell, paler the less of that time was work. As much
 * work as a row can have is the most that one of its cells has: an engine may run
 * several tasks at a time.
 */
#ifndef TASKFS_FS_DRAWING_DENSE_H
#define TASKFS_FS_DRAWING_DENSE_H

#include "plan.h"

struct dense {
	const struct drawing_plan *plan;
	struct cell *cell;	/* row by row */
	float *most;		/* of each row: tasks at a time */
	size_t width, columns;	/* pixels of one; in a row */
};

/* Goes through all bars; p->most is known then. p stays the caller's. */
void dense_init(struct dense *c, struct drawing_plan *p);
/* Draws all of them. */
void dense_put(const struct dense *c);
/* Of {0} too. */
void dense_done(struct dense *c);

#endif
