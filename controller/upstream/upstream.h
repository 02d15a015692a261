/*
 * upstream.h: a controller of ipyparallel whose engines are ours to use.
 *
 * With --upstream this controller has no engines of its own: it is a client of another
 * one, whose engines appear here under the same ids, and whose mux and control relays
 * bring them what engine_send() sends (model/carrier.h). Results, dependencies and
 * everything else stay here. What is not known after a restart, the other's hub is asked
 * for.
 *
 *	upstream.c	whether it is there; who takes what it says; being there again
 *	sockets.c	the sockets
 *	members.c	which engines it has
 *	shown.c		what mounts see of it
 *	runs.c		tasks on its engines
 *	ask.c		questions to its hub
 *	reclaim.c	what became of tasks from before a restart
 *	others.c	what other clients run there: what the hub is asked for
 *	others_record.c	a record of the hub becomes a result
 *	others_busy.c	whether another client's task has ended, of a hub without records
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_H
#define TASKFS_CONTROLLER_UPSTREAM_H

#include "model/engines.h"
#include "model/carrier.h"

struct upstream;
struct run;

/* Begins to look for the controller of c->config.upstream. */
void upstream_open(struct controller *c);
void upstream_close(struct controller *c);

extern const struct carrier carrier_upstream;
#endif
