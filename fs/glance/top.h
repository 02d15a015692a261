/*
 * top.h: `top`: the cluster as one screen of text: at most TOP_LINES lines of
 * TOP_COLUMNS columns. Lists that do not fit share the room, and end with how many
 * more there are.
 */
#ifndef TASKFS_FS_GLANCE_TOP_H
#define TASKFS_FS_GLANCE_TOP_H

#include "glance.h"

#define TOP_COLUMNS 80
#define TOP_LINES 22	/* a terminal of 24 lines has room for the two of watch(1) */

void top_put(const struct glance *g, struct buf *out);

#endif
