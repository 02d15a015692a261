/*
 * vars_request.h: what is done to variables as a whole (vars_request): they are listed,
 * removed, renamed.
 */
#ifndef TASKFS_ENGINE_VARS_REQUEST_H
#define TASKFS_ENGINE_VARS_REQUEST_H

#include "wire/msg.h"

struct engine;

/* Handler of a request on the control channel. */
void vars_request(struct engine *e, struct msg *m);

#endif
