/*
 * relay.h: messages passed on between clients and engines, frame by frame as
 * ipyparallel does (mux, control, broadcast, iopub), and the tasks clients send
 * themselves: each becomes a result here too, so every mount sees it.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_RELAY_H
#define TASKFS_CONTROLLER_CLIENTS_RELAY_H

#include "core/controller.h"
#include "schedule/run.h"

/* Idents of a message that is passed on, at most. */
#define RELAY_IDENTS 8

struct relayed;

/* From a client's socket; m is opened for relaying. */
void relay_from_client(struct controller *c, enum channel ch, struct msg *m);
/* From an engine's socket: a reply of a message that was passed on. */
void relay_from_engine(struct controller *c, enum channel ch, struct msg *m);

/* The scheduler may give m (moved) to an engine. */
void relay_enqueue(struct relayed *rel, struct msg *m);
/* It chose one (struct result_ops). */
void relay_start(struct result *r, uint32_t index, struct engine *e);

/* A client's message that cannot be read (m->why): it is told so. */
void relay_refuse(struct controller *c, enum channel ch, struct msg *m);
bool relay_is_task(const struct msg *m);

#endif
