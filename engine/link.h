/*
 * link.h: the sockets to the controller, by the name of their channel.
 *
 * link_open() reads the connection file and connects; link_close() and
 * link_open() again for another controller. All sockets of an engine have the
 * same identity: its uuid.
 */
#ifndef TASKFS_LINK_H
#define TASKFS_LINK_H

#include "base/log.h"
#include "base/loop.h"
#include "wire/connfile.h"
#include "wire/msg.h"
#include "wire/session.h"

struct engine;

enum channel {
	CHANNEL_REGISTRATION,
	CHANNEL_CONTROL,
	CHANNEL_MUX,
	CHANNEL_TASK,
	CHANNEL_IOPUB,
	CHANNEL_BROADCAST,	/* from here: after registration */
	CHANNEL_PONG,
	CHANNEL_PING,
	CHANNELS,
};

struct link_socket {
	struct watch watch;	/* socket NULL: not there */
	struct watch monitor;	/* of its connection */
	struct link *link;
	bool doubtful;			/* who is there has not registered us */
	bool greeted;			/* who is there has the keys */
	bool lost;			/* libzmq may have given it up */
	unsigned port;
};

struct link {
	struct engine *engine;
	void *zmq;
	struct session session;
	struct connfile file;
	struct curve curve;
	struct buf text;	/* of the connection file, as it was read */
	bool open;
	struct link_socket socket[CHANNELS];
	unsigned leaf;		/* port of the broadcast channel */
	bool subscribed;	/* somebody listens on iopub */
	struct timer mend;
	struct log_limit rubbish;	/* lines about bad messages */
};

const char *channel_name(enum channel c);

/* Only once; -errno. */
int link_init(struct link *l, struct engine *e) must_check;
void link_done(struct link *l);

/*
 * Reads the connection file, takes `uuid` as the name it speaks under and
 * connects the channels needed before registration. 0; -ENOENT: no file yet;
 * -EPERM: the cluster's directory is not to be trusted; -errno; both with a
 * sentence in *why.
 */
int link_open(struct link *l, const char *path, const char *uuid,
	      struct buf *why) must_check;
/* The channels an engine of this id needs after registration. -errno. */
int link_open_rest(struct link *l, int64_t id) must_check;
void link_close(struct link *l);
/*
 * New connections in the place of those that are there, which may lead nowhere: a
 * network that has forgotten a connection tells nobody, and the kernel needs up to a
 * quarter of an hour to see it. What was under way is lost. False: there was none.
 */
bool link_connect_again(struct link *l);
/* Whoever is at the other ends has registered this engine. */
void link_trust(struct link *l);
/* The file no longer says what it said when it was read. */
bool link_file_changed(const struct link *l, const char *path);

/*
 * All channels of link_open() could send now; those that cannot are watched,
 * and requests_can_send() is called when one can.
 */
bool link_connected(struct link *l);
/* One channel could. */
bool link_can_send(struct link *l, enum channel c);
/* As if link_send() had found no room; -EAGAIN. */
int link_want(struct link *l, enum channel c);
/*
 * Sends without waiting. -EAGAIN: later; requests_can_send() is called when
 * the channel may take it (but for iopub, which cannot be asked).
 */
int link_send(struct link *l, enum channel c, const struct msg_out *out)
	must_check;

#endif
