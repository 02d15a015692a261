/*
 * orders.h: what clients want of engines (engine_control_request): interrupt,
 * stop, restart, clear, in ipyparallel's words to the engine; drain and resume,
 * which the scheduler heeds.
 *
 * An order is for one engine or many. It is answered when every one of them
 * has done it, or after a while.
 */
#ifndef TASKFS_ORDERS_H
#define TASKFS_ORDERS_H

#include "request.h"

struct engine;

void orders_init(struct controller *c);
void orders_done(struct controller *c);

void orders_on_request(struct controller *c, struct request *rq);
/* What an engine answered us on its control channel. */
void orders_on_reply(struct controller *c, struct msg *m);

/* From engines.c: it can be used; it is lost; it is gone. */
void orders_engine_joined(struct engine *e);
void orders_engine_lost(struct engine *e);
void orders_engine_gone(struct controller *c, int64_t id);

/* There is no such engine now, but it restarts. */
bool orders_awaits(struct controller *c, int64_t id);

/* A signal to what a stock engine runs. */
int order_signal(struct engine *e, int signo) must_check;

#endif
