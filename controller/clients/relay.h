/*
 * relay.h: messages that are passed on between clients and engines, frame by frame
 * as ipyparallel does (mux, task queue, control, broadcast). A task that a client
 * sends becomes a result besides (relayed.h), so every mount sees it.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_RELAY_H
#define TASKFS_CONTROLLER_CLIENTS_RELAY_H

#include "core/controller.h"
#include "schedule/run.h"

/* A message that is passed on has at most so many idents. */
#define RELAY_IDENTS 8

struct relayed;

/* From a client's socket; m is opened for relaying. */
void relay_from_client(struct controller *c, enum channel ch, struct msg *m);
/* From an engine's socket: a reply of a message that was passed on. */
void relay_from_engine(struct controller *c, enum channel ch, struct msg *m);

/* From now on the scheduler may give the task to an engine; m, its message, is
 * moved. */
void relay_enqueue(struct relayed *rel, struct msg *m);
/* For struct result_ops: the scheduler chose the engine e. */
void relay_start(struct result *r, uint32_t index, struct engine *e);

/* A client's message m cannot be read (m->why): the client is told so. */
void relay_refuse(struct controller *c, enum channel ch, struct msg *m);
bool relay_is_task(const struct msg *m);

#endif
