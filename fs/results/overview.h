/*
 * overview.h: results/table: a head, and a line for each result that its reader may
 * see, in the order of their ids; made while it is read (lines.h), as of then.
 */
#ifndef TASKFS_FS_RESULTS_OVERVIEW_H
#define TASKFS_FS_RESULTS_OVERVIEW_H

#include "tree/node.h"

extern const struct io overview_io;

#endif
