/*
 * retry.h: the tasks of a result that were not ok, as a new result.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_RETRY_H
#define TASKFS_CONTROLLER_MOUNTS_RETRY_H

#include "control.h"

/* The tasks of r that were not ok run again, as a new result; rq->task: only that
 * one. */
void control_retry(struct request *rq, struct result *r, const char *argument);

#endif
