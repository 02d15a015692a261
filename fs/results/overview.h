/*
 * overview.h: results/table: a head, and a line for each result that its reader may
 * see, in the order of their ids; made while it is read (lines.h), as of then.
 */
#ifndef TASKFS_FS_RESULTS_OVERVIEW_H
#define TASKFS_FS_RESULTS_OVERVIEW_H

#include "cells.h"
#include "mirror/mirror.h"
#include "tree/node.h"

#define OVERVIEW_COLUMNS 14

extern const struct io overview_io;
/* All fields of a line but the name, which is the last. They point to the mirror. */
void overview_cells(const struct result *r, struct table_cell c[OVERVIEW_COLUMNS]);

#endif
