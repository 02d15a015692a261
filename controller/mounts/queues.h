/*
 * queues.h: what mounts want of queues (model/queues.h).
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_QUEUES_H
#define TASKFS_CONTROLLER_MOUNTS_QUEUES_H

#include "net/request.h"

/* A control_request with `queue`. */
void queues_on_control(struct controller *c, struct request *rq);

#endif
