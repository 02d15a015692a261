/*
 * failed.h: tasks of clients that end without a reply of an engine: what their
 * clients are told.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_FAILED_H
#define TASKFS_CONTROLLER_CLIENTS_FAILED_H

#include "relay.h"
#include "relayed.h"

/* The result of a client's task is final without a reply: it is told so. */
void relayed_ended(struct result *r);

/* The run ended without a reply: an error to the client who waits. */
void relayed_failed(struct relayed *rel, const struct ending *how);

/* Its engine could not be reached: it ends, and its client is told, or not. */
void relayed_unsent(struct relayed *rel, bool tell_client);

#endif
