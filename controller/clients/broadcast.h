/*
 * broadcast.h: one message of a client for many engines, each of which gets
 * it under an id of its own: "<msg_id>_<uuid>". The replies go to the client
 * one by one, or (coalescing) as one when all are there.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_BROADCAST_H
#define TASKFS_CONTROLLER_CLIENTS_BROADCAST_H

#include "core/controller.h"

struct gather;
struct relayed;

void broadcast_from_client(struct controller *c, struct msg *m);
/* rel: the task whose reply m is; NULL: nobody's any more, or of what is no task. */
void broadcast_from_engine(struct controller *c, struct relayed *rel,
			   struct msg *m);
/* One of the replies never comes: then none goes to the client. */
void broadcast_give_up(struct gather *g);

#endif
