/*
 * state.h: what a mount reads when it begins: the controller, the engines, the
 * results.
 */
#ifndef TASKFS_CONTROLLER_STATE_H
#define TASKFS_CONTROLLER_STATE_H

#include "controller.h"

struct request;

void state_on_request(struct controller *c, struct request *rq);
void state_on_results(struct controller *c, struct request *rq);
/* counters: with those of `metrics` too; they are not news. */
struct json_object *controller_json(const struct controller *c, bool counters);

#endif
