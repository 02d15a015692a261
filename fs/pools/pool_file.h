/*
 * pool_file.h: an option of a pool as an open file.
 *
 * What is written between open and close is one text. A number counts as soon
 * as its line is written, and that write fails if it is none. A command counts
 * when the file is closed. Either returns when it is stored.
 */
#ifndef TASKFS_FS_POOLS_POOL_FILE_H
#define TASKFS_FS_POOLS_POOL_FILE_H

#include "tree/node.h"

extern const struct io pool_option_io;

#endif
