/*
 * orders.h: what clients want of engines (engine_control_request): interrupt,
 * stop, restart, clear, in ipyparallel's words to the engine; drain and resume,
 * which the scheduler heeds.
 *
 * An order is for one engine or many. It is answered when every one of them
 * has done it, or after a while.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_ORDERS_H
#define TASKFS_CONTROLLER_ENGINES_ORDERS_H

#include "model/engines.h"
#include "net/request.h"

void orders_on_request(struct controller *c, struct request *rq);
/* A signal to what a stock engine runs. */
int order_signal(struct engine *e, int signo) must_check;
/* The engine is told to end, as by the verb stop. One that is lost is forgotten, and e
 * is gone. */
void order_stop(struct engine *e);

#endif
