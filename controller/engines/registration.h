/*
 * registration.h: how engines come, and say that they go.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_REGISTRATION_H
#define TASKFS_CONTROLLER_ENGINES_REGISTRATION_H

#include "core/controller.h"

struct request;

void registration_on_request(struct controller *c, struct request *rq);
void registration_on_end(struct controller *c, struct request *rq);

#endif
