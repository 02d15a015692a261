/*
 * relayed.h: a task that a client of ipyparallel sent itself, from its arrival until its
 * result is final. relay.c passes the messages on, broadcast.c those that are for many
 * engines; here is what becomes of the task in the cluster: it is a result, with a record
 * of the hub's database (record.h).
 *
 * A struct relayed owns itself: relayed_finish() frees it when its reply is here, and
 * relayed_failed() (failed.c) when none comes.
 *
 * Each channel takes in --client-tasks unfinished tasks (channel.h); the next ones stay
 * with their clients until some have ended. Each channel counts for itself: tasks of the
 * queue that wait for each other, or for an engine that never comes, keep nobody from
 * speaking to an engine directly.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_RELAYED_H
#define TASKFS_CONTROLLER_CLIENTS_RELAYED_H

#include "execute/outcome.h"
#include "model/results.h"
#include "relay.h"

struct gather;

struct relayed {
	struct controller *c;
	enum channel channel;
	char *msg_id;
	uint64_t result;
	struct buf client;	/* the client's ident on the socket of the channel */
	struct buf header;	/* of the client's request, raw */
	struct msg msg;		/* the request's frames; of the task queue alone */
	struct gather *gather;	/* of broadcast.c, or NULL */
	uint64_t retries;	/* left */
	unsigned tries, idles;	/* how often it was sent; ends of output heard */
	bool replied;
	bool unsent;		/* it did not reach its engine: its client is told */
	struct timer idle_timer;
	int64_t sent, began;	/* of this try: time of day; age of the result */
	struct timer start_timer; /* tries again to store the start */
	/* The reply of its engine, and what that says. */
	struct msg reply;
	struct outcome outcome;
	/* From iopub: execute_input and value are text, all others the content of a
	 * message as JSON. */
	struct buf execute_input, execute_result, error, value;
	struct buf display_data;	/* of the last such message */
};

/* A client's message m becomes a result. NULL: it cannot (m->why: its content cannot
 * be read). */
struct relayed *relayed_new(struct controller *c, enum channel ch,
			    struct msg *m);
struct relayed *relayed_find(struct controller *c, const char *msg_id);
/* Notes in the options of a result that its request was an apply_request: the value
 * is a pickle. */
void relayed_add_request(struct json_object *options, const char *type);
/* The task was sent to the engine: it runs. */
void relayed_start(struct relayed *rel, struct engine *e);

/* Takes over what the engine's reply m says. relayed_again() tells whether that is
 * the last word. */
void relayed_read_reply(struct relayed *rel, struct msg *m);
/*
 * Whether the task waits again in spite of its reply m, not for the same engine:
 * retries are left, or it ran where its own conditions are not met. Tasks of the
 * queue alone do.
 */
bool relayed_again(struct relayed *rel, const struct msg *m);
/* The reply was the last word: the task ends, now or when the end of its output has
 * come. */
void relayed_replied(struct relayed *rel);
void relayed_idle(struct relayed *rel);
void relayed_finish(struct relayed *rel);
/* Of relayed.c and failed.c alone. */
void relayed_free(struct relayed *rel);

/* Of results and runs that clients of this controller make. */
extern const struct result_ops result_ops_clients;
extern const struct run_ops run_ops_clients;
/* For struct result_ops: the task waited when the controller ended. */
void relayed_give_up(struct result *r);
/* Its client has the answer, though the end may not be stored yet. */
bool relayed_is_answered(const struct result *r);

struct relayed_index {
	struct map by_msg_id;	/* msg_id -> struct relayed */
};

void relayed_index_init(struct controller *c);
/* Frees them all. */
void relayed_index_done(struct controller *c);

#endif
