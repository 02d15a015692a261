/*
 * requests.h: what mounts want of pools: pool_request, and control_request with `pool`.
 */
#ifndef TASKFS_CONTROLLER_POOLS_REQUESTS_H
#define TASKFS_CONTROLLER_POOLS_REQUESTS_H

#include "net/request.h"

void pools_on_request(struct controller *c, struct request *rq);
void pools_on_control(struct controller *c, struct request *rq);

#endif
