/*
 * deeds.h: variables are removed, renamed, cut, given other times: the kernel's request
 * waits for the engines' answer.
 */
#ifndef TASKFS_FS_VARS_DEEDS_H
#define TASKFS_FS_VARS_DEEDS_H

#include "tree/node.h"

extern const struct deeds var_deeds, scatter_deeds;

#endif
