/*
 * metrics.h: what the controller counts, for the file `metrics` of the mounts.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_METRICS_H
#define TASKFS_CONTROLLER_MOUNTS_METRICS_H

#include "core/controller.h"

/* Adds the members tasks, counters and gauges of a state_reply's controller. */
void metrics_add(struct json_object *o, const struct controller *c);

#endif
