/*
 * relayed.h: a task that a client of ipyparallel sent itself, from its arrival
 * until its result is final. relay.c passes the messages, broadcast.c those
 * that are for many; here is what becomes of them in the cluster: each is a
 * result, with a record of the hub's database (record.h).
 *
 * A relayed owns itself: relayed_finish() and relayed_failed() (wire_failed.c) end it.
 *
 * Of each channel there may be --client-tasks; the next ones stay with their
 * clients (hub.c reads no more of them) until some have ended. Each channel
 * counts for itself: tasks of the queue that wait for each other, or for an
 * engine that never comes, keep nobody from speaking to an engine directly.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_RELAYED_H
#define TASKFS_CONTROLLER_CLIENTS_RELAYED_H

#include "engines/outcome.h"
#include "relay.h"
#include "model/results.h"

struct gather;

struct relayed {
	struct controller *c;
	enum channel channel;
	char *msg_id;
	uint64_t result;
	struct buf client;	/* its ident on the socket it came by */
	struct buf header;	/* of its request, raw */
	struct msg msg;		/* of the task queue: its frames */
	struct gather *gather;	/* broadcast.c's, or NULL */
	uint64_t retries;	/* left */
	unsigned tries, idles;	/* times it was sent; ends of output heard */
	bool replied;
	bool unsent;		/* and its client is to be told */
	struct timer idle_timer;
	int64_t sent, began;	/* to its engine, this time; age of the result */
	struct timer start_timer; /* that could not be stored yet */
	/* How it ended, from the reply. */
	struct msg reply;
	struct outcome outcome;
	/* From iopub: JSON texts but the first. */
	struct buf execute_input, execute_result, error, value;
	struct buf display_data;	/* the last */
};

/* A new result for a client's message m; NULL: it cannot be one (m->why: its
 * content cannot be read). */
struct relayed *relayed_new(struct controller *c, enum channel ch,
			    struct msg *m);
struct relayed *relayed_find(struct controller *c, const char *msg_id);
/* What metadata tell of an apply_request: its value is a pickle. */
void relayed_add_request(struct json_object *options, const char *type);
/* It was sent to the engine: it runs. */
void relayed_start(struct relayed *rel, struct engine *e);

/* The engine's reply: the last word, or (of the queue) not yet: relayed_again(). */
void relayed_read_reply(struct relayed *rel, struct msg *m);
/*
 * The reply is no last word, and the task waits again, not for the same
 * engine: retries are left, or it ran where its own conditions are not met.
 */
bool relayed_again(struct relayed *rel, const struct msg *m);
/* It has its reply: the end, now or when its output has come. */
void relayed_replied(struct relayed *rel);
void relayed_idle(struct relayed *rel);
void relayed_finish(struct relayed *rel);
/* Between relayed.c and wire_failed.c. */
void relayed_free(struct relayed *rel);

/* Of results and runs of clients of ours. */
extern const struct result_ops result_ops_clients;
extern const struct run_ops run_ops_clients;
/* For struct result_ops. */
void relayed_give_up(struct result *r);

struct relayed_index {
	struct map by_msg_id;	/* msg_id -> struct relayed */
};

void relayed_index_init(struct controller *c);
/* Ends all of them. */
void relayed_index_done(struct controller *c);

#endif
