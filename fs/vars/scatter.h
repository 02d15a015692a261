/*
 * scatter.h: engines/VIEW/scatter/NAME: what is written is kept here until the
 * FLUSH of the process that opened the file (or the RELEASE), and then given to
 * the engines of the view: each gets its share of the lines as its variable
 * NAME, in the order of the view. The shares differ by one line at most, the
 * first ones are the larger.
 *
 * A file that is opened to be read is as one in gather/.
 */
#ifndef TASKFS_FS_VARS_SCATTER_H
#define TASKFS_FS_VARS_SCATTER_H

#include "tree/node.h"

extern const struct io scatter_io;

/* At the end, when no file is open any more. */
void scatter_done(struct fs *fs);

#endif
