/*
 * controller.h: the one struct everything in the controller hangs on: the command line,
 * and what each room keeps. Only that room knows what is inside.
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
struct address;
struct admission;
struct carrier;
struct channels;
struct door;
struct engine_hooks;
struct engine_news;
struct engines;
struct events;
struct flight;
struct forwards;
struct heart;
struct hello;
struct hub_socket;
struct intake;
struct notices;
struct orders;
struct others;
struct policy;
struct pools;
struct queues;
struct ready;
struct removed;
struct reclaim;
struct result_ops;
struct results;
struct runs;
struct schedule;
struct store;
struct subscribers;
struct upstream;
struct users;
struct client_ids;
struct relayed_index;

/* Where ports are taken from: those for one side, then those for all. */
enum port_range { PORTS_CLIENT, PORTS_ENGINE, PORTS_COMMON, PORT_RANGES };

/* The command line. */
struct config {
	/* The cluster directory, and where its database is; owned. */
	char *dir, *data;
	const char *given_dir, *name, *profile, *ipython_dir;
	const char *cluster_id;	/* NULL or "": none */
	const char *ip, *client_ip, *engine_ip, *location;
	const char *ports[PORT_RANGES];
	const char *ssh[2];	/* by enum connfile_kind; for ipyparallel's peers */
	const char *scheme, *durability;
	const char *key, *key_file;
	const char *work_dir, *log_file, *ready_fd;
	const char *upstream;	/* connection file, or NULL */
	bool until_unused;
	uint64_t ping;		/* microseconds between heartbeats */
	uint64_t keep_id;	/* microseconds; ids of lost engines are kept so long */
	uint64_t hwm;		/* tasks given to one engine at a time */
	uint64_t client_tasks;	/* unfinished at a time, for each channel */
	/* Microseconds: that a command of a pool may take; before the first of several
	 * tries of a pool; that an engine of one is there before it is known to work. */
	uint64_t pool_command, pool_pause, pool_proof;
	uint64_t keep_results, keep_bytes, keep_age; /* 0: no limit */
	enum { CURVE_AUTO, CURVE_ON, CURVE_OFF } curve;
	enum log_level log_level;
	bool pools;		/* their commands may run */
	bool reuse, log_to_file, debug;
	bool check, recover;	/* what is stored, instead of serving it */
};

/* Every socket, in the order they are bound. */
enum socket {
	S_REGISTRATION,
	S_NOTIFICATION,
	S_HB_PING,
	S_HB_PONG,
	S_LINE_CONTROL,	/* of our own engines: wire/line.h */
	S_LINE_TASK,
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

/* The ways by which clients of ipyparallel reach engines; see clients/relay.h. */
enum channel {
	CHANNEL_MUX,
	CHANNEL_TASK,
	CHANNEL_CONTROL,
	CHANNEL_BROADCAST,
	CHANNELS,
};

struct counters {
	uint64_t dropped_oversize, dropped_unknown, lost_engines, purged;
	uint64_t refused_peers;		/* connections */
	uint64_t late_replies, bad_outputs, bad_iopub;
	uint64_t submitted, refused;	/* results */
	uint64_t clients_paused;	/* times a channel was full */
	uint64_t begun, retried, ended[STATES];	/* tasks */
	uint64_t pool_launches, pool_failures;
	/* How many there are now. */
	uint64_t orders, client_tasks, pools, launches, pool_engines;
};

struct controller {
	struct config config;
	struct loop *loop;
	void *zmq;
	struct session session;
	struct curve curve;
	struct store *store;
	struct hub_socket *sock;	/* SOCKETS of them; net/sockets.h */
	char instance[ID_SIZE];	/* new with every start */
	char cluster[ID_SIZE];	/* the same for ever */
	char *nearby;	/* the directory of outputs, for those on this host; or NULL */
	char *key;
	struct address *address;	/* net/address.c */
	struct admission *admission;	/* gate/admission.c; NULL: no CURVE */
	struct door *door;		/* gate/door.c; the same */
	struct subscribers *subscribers; /* gate/subscribers.c */
	int64_t since, begun;	/* its start: time of day; steady_usec() */
	int64_t clock;		/* model/clock.h: added to steady_usec() */
	struct counters count;
	struct log_limit *drop_limit;
	struct intake *intake;		/* net/intake.c */
	struct hello *hello;		/* hello.c */

	uint64_t seq;		/* of the last change that was told */
	const struct policy *policy;

	/* What each room keeps; the struct is in the header, or the file, that is named. */
	struct changes *changes;	/* model/changes.h */
	struct results *results;	/* model/results.h */
	struct queues *queues;		/* model/queues.h */
	struct ready *ready;		/* model/ready.h */
	struct engines *engines;	/* model/engines.h */
	struct schedule *schedule;	/* schedule/sched.c */
	struct runs *runs;		/* schedule/run.h */
	struct events *events;		/* mounts/events.c */
	struct engine_news *engine_news;	/* mounts/engine_json.c */
	struct users *users;		/* mounts/users.c */
	struct forwards *forwards;	/* vars/requests.c */
	struct heart *heart;		/* engines/heart.c */
	struct removed *removed;	/* engines/removed.c */
	struct flight *flight;		/* engines/flight.c */
	struct orders *orders;		/* engines/errands.c */
	struct notices *notices;	/* engines/notify.c */
	struct relayed_index *relayed;	/* clients/relayed.h */
	struct client_ids *client_ids;	/* clients/client_ids.h */
	struct channels *channels;	/* clients/channel.c */
	struct pools *pools;		/* pools/pool.h */
	struct upstream *upstream;	/* upstream/upstream_parts.h; NULL: none */
	struct others *others;		/* upstream/others.c */
	struct reclaim *reclaim;	/* upstream/reclaim.c */

	/* Tables that the root sets: hooks.c. */
	const struct engine_hooks *const *engine_hooks;	/* ends with NULL */
	const struct carrier *carrier;	/* to the engines */
	const struct result_ops *result_ops_clients;	/* of what clients send */
};

#endif
