/*
 * plan.h: where everything is in a picture (timeline.h) while it is drawn, for
 * timeline.c, which draws the frame and few bars, and dense.c, which draws many.
 */
#ifndef TASKFS_FS_DRAWING_PLAN_H
#define TASKFS_FS_DRAWING_PLAN_H

#include "base/map.h"
#include "timeline.h"

/* Pixels. */
#define WIDTH 1200
#define LEFT 84			/* of the plot */
#define PLOT 1096		/* its width */
#define TOP 84			/* above it: title, legend */
#define LEGEND 46		/* where the legend begins */
#define BOTTOM 44		/* below it: the axis */

#define MOST_ROWS 1000		/* more engines share rows */
#define MOST_BARS 1000		/* drawn one by one, each engine's side by side in
				   rows of its own; else as cells */
#define MOST_CELLS 70000	/* of 8 bytes or so */
#define LEVELS 4		/* how pale a cell can be */
#define SEEN 3			/* a failure is at least so wide */
#define TICKS 10

/* What a bar looks like; later ones are drawn over earlier ones. */
enum look { LOOK_NONE, LOOK_OK, LOOK_RUNNING, LOOK_ABORTED, LOOK_ERROR, LOOKS };

/* As it is called in the picture; its colour. */
const char *look_name(enum look l);
const char *look_colour(enum look l);
enum look look_of(enum state s);

/* What is known after going through all bars once. */
struct drawing_plan {
	const struct timeline *t;
	struct buf *out;
	int64_t *engine;	/* ids, ascending */
	size_t nengines;
	struct map row_of;	/* engine id -> its place in engine[] + 1 */
	size_t per_row, rows, height; /* engines; rows; pixels of one */
	/* Of few bars: */
	struct placed {
		struct timeline_bar bar;
		size_t engine, row;
	} *placed;
	size_t *first;		/* the first row of each engine */
	uint64_t bars;		/* that began */
	int64_t begin, span;	/* usec */
	double busy;		/* usec, of all tasks */
	double most;		/* tasks that the engines ran at a time, together */
};

/* Goes through all bars of t. */
void plan_init(struct drawing_plan *p, const struct timeline *t,
	       struct buf *out);
void plan_done(struct drawing_plan *p);
/* The i-th bar; false: it has not begun. */
bool plan_bar(const struct drawing_plan *p, uint64_t i, struct timeline_bar *ret);
/* The row of an engine, where they share rows. */
size_t plan_row(const struct drawing_plan *p, int64_t engine);
/* Where a time is, in pixels of the plot; where a row begins. */
double plan_x(const struct drawing_plan *p, int64_t when);
size_t plan_y(const struct drawing_plan *p, size_t row);

#endif
