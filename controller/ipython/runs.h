/*
 * runs.h: tasks of mounts on engines of ipyparallel, as the table of their operations.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_RUNS_H
#define TASKFS_CONTROLLER_IPYTHON_RUNS_H

#include "schedule/run.h"

extern const struct run_ops run_ops_ipython;

#endif
