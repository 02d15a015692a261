/*
 * upstream.h: a controller of ipyparallel whose engines are ours to use.
 *
 * With --upstream this controller has no engines of its own: it is a client of
 * another one, whose engines appear here under the same ids, and whose mux and
 * control relays bring them what line.h sends. Results, dependencies and
 * everything else stay here. What is not known after a restart, the other's
 * hub is asked for.
 *
 *	upstream.c	who is there, what they say, being there again
 *	upstream_line.c	the sockets
 *	upstream_ask.c	questions to the hub
 *	reclaim_hub.c	what became of tasks from before a restart
 *	others.c	what other clients run there: whom the hub is asked for
 *	others_record.c	and what it says becomes a result
 *	others_busy.c	and whether it has ended, of a hub without records
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
