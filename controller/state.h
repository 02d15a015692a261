/*
 * state.h: what a mount reads when it begins: the controller, the engines, the
 * results.
 */
#ifndef TASKFS_CONTROLLER_STATE_H
#define TASKFS_CONTROLLER_STATE_H

#include "core/controller.h"

struct request;

void state_on_request(struct controller *c, struct request *rq);
void state_on_results(struct controller *c, struct request *rq);

#endif
