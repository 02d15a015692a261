/*
 * vardeeds.h: variables are removed, renamed, cut, given other times: the kernel's request
 * waits for the engines' answer.
 */
#ifndef TASKFS_FS_VARDEEDS_H
#define TASKFS_FS_VARDEEDS_H

#include "node.h"

extern const struct deeds var_deeds, scatter_deeds;

#endif
