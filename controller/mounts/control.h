/*
 * control.h: what clients want done to a result, or to one of its tasks: the
 * verbs of control_request (wire/verb.h), each with its handler in control.c.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_CONTROL_H
#define TASKFS_CONTROLLER_MOUNTS_CONTROL_H

#include "net/request.h"
#include "model/results.h"

void control_on_request(struct controller *c, struct request *rq);
#endif
