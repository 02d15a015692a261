/*
 * controller.h: the one struct everything in this room hangs on.
 *
 * Who uses whom (a file uses only those below it):
 *
 *	main options
 *	place		the cluster directory
 *	identity	keys, and what of them survives
 *	admission door	which peers may speak at all; who has not shown it yet
 *	address		ports and connection files
 *	hub		the sockets, and which handler gets what arrives
 *	query		requests of clients; those of ipyparallel's: stock.h
 *	relay		messages passed on: iopub, broadcast
 *	wire record	clients' own tasks, and the hub's records of all tasks
 *	channel		how many of them there may be
 *	control orders	what they want done to results, to engines
 *	vars forward	variables of engines, and requests for them
 *	run		one try of a task on an engine, from start to end
 *	sched		which task goes to which engine
 *	engines results	what there is
 *	events		telling the mounts what changed
 *	clock		the steady time of the cluster
 *	store		what survives
 */
#ifndef TASKFS_CONTROLLER_CORE_CONTROLLER_H
#define TASKFS_CONTROLLER_CORE_CONTROLLER_H

#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "wire/connfile.h"
#include "wire/limits.h"
#include "wire/messages.h"
#include "wire/msg.h"
#include "wire/state.h"

struct changes;
struct carrier;
struct engine;
struct engine_hooks;
struct engine_news;
struct events;
struct hello;
struct intake;
struct policy;
struct ready;
struct store;
struct result_ops;
struct upstream;
struct reclaim;
struct users;
struct others;

/* Where ports are taken from: those for one side, then those for all. */
enum pool { POOL_CLIENT, POOL_ENGINE, POOL_COMMON, POOLS };

/* The command line. */
struct config {
	/* The cluster directory, and where its database is; owned. */
	char *dir, *data;
	const char *given_dir, *name, *profile, *ipython_dir;
	const char *cluster_id;	/* NULL or "": none */
	const char *ip, *client_ip, *engine_ip, *location;
	const char *ports[POOLS];
	const char *ssh[2];	/* by enum connfile_kind; for stock peers */
	const char *scheme, *durability;
	const char *key, *key_file;
	const char *work_dir, *log_file, *ready_fd;
	const char *upstream;	/* connection file, or NULL */
	bool until_unused;
	uint64_t ping;		/* microseconds between heartbeats */
	uint64_t keep_id;	/* microseconds; of engines that are lost */
	uint64_t hwm;		/* tasks given to one engine at a time */
	uint64_t client_tasks;	/* unfinished ones of one channel */
	uint64_t keep_results, keep_bytes, keep_age; /* 0: no limit */
	enum { CURVE_AUTO, CURVE_ON, CURVE_OFF } curve;
	enum log_level log_level;
	bool reuse, log_to_file, debug;
	bool check, recover;	/* what is stored, instead of serving it */
};

/* Every socket, in the order they are bound. */
enum socket {
	S_REGISTRATION,
	S_NOTIFICATION,
	S_HB_PING,
	S_HB_PONG,
	S_MUX_IN,
	S_MUX_OUT,
	S_CONTROL_IN,
	S_CONTROL_OUT,
	S_TASK_IN,
	S_TASK_OUT,
	S_BROADCAST_IN,
	S_BROADCAST_OUT,
	S_IOPUB_IN,
	S_IOPUB_OUT,
	S_EVENTS,
	SOCKETS,
};

/* Where clients of ipyparallel send what is passed on; see relay.h. */
enum channel {
	CHANNEL_MUX,
	CHANNEL_TASK,
	CHANNEL_CONTROL,
	CHANNEL_BROADCAST,
	CHANNELS,
};

struct hub_socket {
	void *socket;
	unsigned port;
	struct watch watch;
	struct controller *c;
};

struct counters {
	uint64_t dropped_oversize, dropped_unknown, lost_engines, purged;
	uint64_t refused_peers;		/* connections */
	uint64_t late_replies, bad_outputs, bad_iopub;
	uint64_t submitted, refused;	/* results */
	uint64_t clients_paused;	/* times a channel was full */
	uint64_t begun, retried, ended[STATES];	/* tasks */
};

struct controller {
	struct config config;
	struct loop *loop;
	void *zmq;
	struct session session;
	struct curve curve;
	struct store *store;
	struct hub_socket sock[SOCKETS];
	char instance[ID_SIZE];	/* new with every start */
	char cluster[ID_SIZE];	/* the same for ever */
	char *key;
	struct address *address;	/* address.c */
	struct admission *admission;	/* admission.c; NULL: no CURVE */
	struct door *door;		/* door.c; the same */
	struct subscribers *subscribers; /* subscribers.c */
	int64_t since, begun;	/* its start: time of day; steady_usec() */
	int64_t clock;		/* clock.c: added to steady_usec() */
	struct counters count;
	struct log_limit *drop_limit;
	struct intake *intake;
	struct hello *hello;

	/* results.c */
	struct map results;	/* id -> struct result */
	struct list by_id;
	struct map tokens;	/* token -> struct result */
	struct map names;	/* uid and name -> the newest struct result of it */
	struct list finished;	/* final ones, oldest first */
	uint64_t nfinished, stored_bytes, next_result;
	uint64_t tasks[STATES];

	/* engines.c */
	struct map engines;	/* id -> struct engine */
	struct map by_uuid;	/* uuid -> struct engine */
	struct map gone;	/* heart.c's: uuids of ours that were removed */
	struct map gone_before;	/* the same, older */
	struct log_limit gone_limit;
	struct list engine_order;	/* least recently used first */
	int64_t next_engine;
	struct timer beat_timer, probe_timer;
	struct timer flight_timer;	/* flight.c's */
	struct map expected;	/* ids of engines that start again -> how often */
	const struct engine_hooks *const *engine_hooks;	/* hooks.c; ends with NULL */
	struct engine_news *engine_news;
	uint64_t beat;
	unsigned probes;

	/* orders.c */
	struct list orders;
	size_t norders;

	/* notify.c */
	struct list notices;	/* oldest first */
	size_t nnotices;
	/* When clients asked that have not subscribed yet, a ring. */
	uint64_t asked[64], first_asked, next_asked;

	/* run.c */
	struct map runs;	/* msg_id -> struct run */
	struct list not_stored;	/* of struct store_op: the store refused them */
	struct timer store_again;

	/* sched.c */
	struct ready *ready;
	struct work sched_work;
	struct timer sched_later;
	bool check_all;		/* the same of all that are ready */
	int told_missing;	/* enum missing; see why.h */
	const struct policy *policy;

	uint64_t seq;		/* of the last change that was told; events.c */
	struct changes *changes;
	struct events *events;

	bool mounts;		/* somebody hears our events (hub.c) */

	/* forward.c */
	struct map forwards;	/* msg_id -> struct forward */
	struct list forward_list;	/* the same, oldest first */
	struct timer forward_timer, forward_hold;
	struct work forward_work;

	const struct carrier *carrier;	/* to the engines */
	const struct result_ops *result_ops_clients;	/* of what clients send */
	struct upstream *upstream;	/* upstream.c; NULL: none */
	struct users *users;		/* users.c */
	struct others *others;		/* others.c */
	struct reclaim *reclaim;	/* reclaim_hub.c */

	/* wire.c */
	struct map wires;	/* msg_id -> struct wire */
	struct map wired;	/* msg_id -> struct result, also ended ones */
	struct {
		uint64_t wires;
		bool full;	/* nothing more is taken in */
	} channel[CHANNELS];	/* channel.c */
};

static inline void *sock_of(struct controller *c, enum socket s)
{
	return c->sock[s].socket;
}

#endif
