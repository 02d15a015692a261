/* purge.h: the verb purge without a result: all results that have ended go. */
#ifndef TASKFS_CONTROLLER_MOUNTS_PURGE_H
#define TASKFS_CONTROLLER_MOUNTS_PURGE_H

#include "control.h"

/* Purges everything that has ended, and answers. */
void control_purge_all(struct request *rq);

#endif
