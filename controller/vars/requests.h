/*
 * requests.h: the requests for variables that are on their way, and who gets the answers
 * of engines.
 */
#ifndef TASKFS_CONTROLLER_VARS_REQUESTS_H
#define TASKFS_CONTROLLER_VARS_REQUESTS_H

#include "vars.h"

void vars_init(struct controller *c);
void vars_done(struct controller *c);

/* push_request, pull_request, vars_request of a client. */
void vars_on_request(struct controller *c, struct request *rq);

/* An answer of an engine to such a request; others are ignored. */
void vars_on_reply(struct controller *c, struct msg *m);

/* The engine is away: requests to it are answered here. */
void vars_engine_gone(struct engine *e);

extern const struct engine_hooks vars_hooks;

#endif
