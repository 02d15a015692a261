/*
 * hello.h: clients and mounts come: what they hear first.
 *
 * An ipyparallel client subscribes to iopub when it has its connection_reply, and may
 * send a task at once. If the end of the task's output is published before the
 * subscription is here, the client waits for it for ever. So clients' tasks wait for
 * that, for so long at most.
 */
#ifndef TASKFS_CONTROLLER_HELLO_H
#define TASKFS_CONTROLLER_HELLO_H

#include "core/controller.h"

struct request;

void hello_init(struct controller *c);
void hello_done(struct controller *c);
void hello_on_request(struct controller *c, struct request *rq);
/* So many more peers have subscribed to iopub. */
void hello_heard(struct controller *c, unsigned more);
/* Nothing is read from this socket until all clients have subscribed. */
bool hello_keeps(const struct controller *c, enum socket s);

#endif
