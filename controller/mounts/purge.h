/*
 * purge.h: finished results are forgotten: all that are older than an age.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_PURGE_H
#define TASKFS_CONTROLLER_MOUNTS_PURGE_H

#include "control.h"

/* sweep.c: purge of everything that is finished. */
void control_purge_all(struct request *rq);

#endif
