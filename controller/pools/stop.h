/*
 * stop.h: the cluster is being stopped: all that pools have launched ends, and nothing is
 * launched meanwhile. `taskfs-cluster stop` says so by SIGUSR1. It holds .cluster.lock of
 * the cluster's directory while it works; when that is free again and the controller
 * still runs, the pools go on as they were. Nothing of this is stored.
 */
#ifndef TASKFS_CONTROLLER_POOLS_STOP_H
#define TASKFS_CONTROLLER_POOLS_STOP_H

#include "pool.h"

/* Also again: what could not be cancelled is tried at once. */
void pools_stop(struct controller *c);
/* Cancels what has come since; then looks whether it is still so. */
void pools_stop_look(struct controller *c);
void pools_stop_done(struct pools *pools);

#endif
