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
/* c->paused has changed: what is stored is taken in no more, or again. */
void upstream_feed(struct controller *c);

extern const struct carrier carrier_upstream;
/* Of results and runs of other clients there. */
extern const struct result_ops result_ops_others;
extern const struct run_ops run_ops_others;
bool upstream_is_up(const struct controller *c);

/*
 * A question to the hub: done() is called once, with the reply's content, or
 * NULL when the line broke or nothing came in time. Nothing is asked (and
 * -EHOSTUNREACH returned) while the upstream is away. content is put.
 */
int upstream_ask(struct controller *c, const char *type,
		 struct json_object *content,
		 void (*done)(struct controller *c, struct msg *reply,
			      uint64_t arg),
		 uint64_t arg) must_check;

/* Asks who is there, now. */
void upstream_hello(struct controller *c);

/* reclaim_hub.c: what became of runs from before a restart. */
void reclaim_begin(struct controller *c);
/* They have all been asked for once. */
bool reclaim_is_done(struct controller *c);
/*
 * Its engine is gone: the hub is asked whether it was done before, what it says
 * then counts. False: it cannot be asked.
 */
bool reclaim_orphan(struct run *run) must_check;
/* No hub will tell. */
void reclaim_end_orphans(struct controller *c, const char *why);
/* There may be news of it. */
void reclaim_run(struct run *run);
/* The hub is asked anew: the line was broken. */
void reclaim_again(struct run *run);
/* What is known of it is freed. */
void reclaim_free(struct run *run);
/* It was heard of when it had been sent: it may have ended already. */
void reclaim_others(struct run *run);
void reclaim_on_iopub(struct run *run, struct msg *m);
/* Some were added. */
void reclaim_soon(struct controller *c);
/* Frees what is kept for it. */
void reclaim_done(struct controller *c);

/* others.c: what other clients run there. Before the loop runs: reads what is
 * known from before a restart. */
void others_open(struct controller *c);
/* The line is up: looks. */
void others_begin(struct controller *c);
/* An iopub message about something that is not known here. */
void others_note(struct controller *c, const struct msg *m);
void others_done(struct controller *c);
/* others_busy.c. Of engines that others keep busy: whether they still do. */
void others_ask_busy(struct controller *c);

/* others_record.c. When the task of a record was submitted, usec; 0: it does
 * not say. */
int64_t others_date(struct json_object *record);
/* The msg_id of a task of ours, or of a result that is here. */
bool others_is_ours(struct controller *c, const char *msg_id);
bool others_know(struct controller *c, const char *msg_id);
/* False: there is not enough in it yet. */
bool others_take(struct controller *c, struct json_object *record) must_check;

#endif
