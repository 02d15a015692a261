/*
 * runs.h: tasks on engines of an upstream controller: of mounts, and of other clients.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_RUNS_H
#define TASKFS_CONTROLLER_UPSTREAM_RUNS_H

#include "schedule/run.h"

/* What mounts run there: as on any engine of ipyparallel, but for its end. */
extern const struct run_ops run_ops_upstream;
/* What other clients run there is only to be looked at. */
extern const struct run_ops run_ops_others;

/* The sockets are closed by which the replies come: the hub is asked for them. */
void upstream_runs_cut(struct controller *c);

#endif
