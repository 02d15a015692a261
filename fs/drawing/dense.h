/*
 * dense.h: the bars of a picture (timeline.h) that has many of them: those of a row
 * that share a pixel become one cell, paler the less of that time was work.
 */
#ifndef TASKFS_FS_DRAWING_DENSE_H
#define TASKFS_FS_DRAWING_DENSE_H

#include "plan.h"

/* Draws all of them. */
void dense_put(const struct drawing_plan *p);

#endif
