/*
 * submit.h: what mounts submit becomes results.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_SUBMIT_H
#define TASKFS_CONTROLLER_MOUNTS_SUBMIT_H

#include "core/controller.h"

struct request;

void submit_on_request(struct controller *c, struct request *rq);

#endif
