/*
 * failed.h: tasks of clients that end without a reply of an engine: what their
 * clients are told.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_FAILED_H
#define TASKFS_CONTROLLER_CLIENTS_FAILED_H

#include "relay.h"
#include "relayed.h"

/* For struct result_ops: the result is final without a reply; its client is told so. */
void relayed_ended(struct result *r);

/* The task ended so, without a reply: its client gets an error, and rel is freed. */
void relayed_failed(struct relayed *rel, const struct ending *how);

/* The engine could not be reached: the task ends. */
void relayed_unsent(struct relayed *rel, bool tell_client);

#endif
