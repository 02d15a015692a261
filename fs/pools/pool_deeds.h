/*
 * pool_deeds.h: pools are made (mkdir) and removed (rmdir), and their options
 * emptied (truncate): the kernel's request waits for the controller.
 */
#ifndef TASKFS_FS_POOLS_POOL_DEEDS_H
#define TASKFS_FS_POOLS_POOL_DEEDS_H

#include "tree/node.h"

extern const struct deeds pool_deeds, pool_option_deeds;

#endif
