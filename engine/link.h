/*
 * link.h: the sockets to the controller, by the name of their channel.
 *
 * link_open() reads the connection file and connects; link_close() and
 * link_open() again for another controller. All sockets of an engine have the
 * same identity: its uuid. The link knows nothing of what it is used for: what
 * happens on its sockets, struct link_ops is told.
 */
#ifndef TASKFS_LINK_H
#define TASKFS_LINK_H

#include "channels.h"
#include "base/log.h"
#include "base/loop.h"
#include "wire/connfile.h"
#include "wire/msg.h"
#include "wire/session.h"

struct engine;
struct config;

/* Of a message that is sent. */
#define LIMIT_IDENTS 64

/* What the owner of a link does when something happens; any may close the link. */
struct link_ops {
	/* m stays the link's, but what it holds may be taken out of it. */
	void (*message)(struct engine *e, enum channel c, struct msg *m);
	/* m is signed, but cannot be read (m->why). */
	void (*refuse)(struct engine *e, enum channel c, struct msg *m);
	/* A channel that was full (or not connected) may take more. */
	void (*can_send)(struct engine *e);
	/* A ping of the controller was answered; this is what it said. */
	void (*beat)(struct engine *e, struct bytes ping);
	/* A connection that carries tasks broke. */
	void (*cut_off)(struct engine *e, enum channel c);
};

struct link_socket {
	struct watch watch;	/* socket NULL: not there */
	struct watch monitor;	/* of its connection */
	struct link *link;
	bool doubtful;		/* who is there has not registered us */
	bool greeted;		/* who is there has the keys */
	bool lost;		/* libzmq may have given it up */
	unsigned port;
};

struct link {
	const struct link_ops *ops;
	struct engine *engine;	/* the owner's, for `ops` */
	const struct config *config;
	struct loop *loop;
	void *zmq;
	struct session session;
	struct connfile file;
	struct curve curve;
	struct buf text;	/* of the connection file, as it was read */
	bool open;
	struct link_socket socket[CHANNELS];
	unsigned leaf;		/* port of the broadcast channel */
	bool lines;		/* two lines carry all channels */
	bool subscribed;	/* somebody listens on iopub */
	struct timer mend;
	struct log_limit rubbish;	/* lines about bad messages */
};

/* All borrowed. Only once; -errno. */
int link_init(struct link *l, struct loop *loop, const struct config *config,
	      const struct link_ops *ops, struct engine *e) must_check;
void link_done(struct link *l);

/*
 * Reads the connection file, takes `uuid` as the name it speaks under and
 * connects the channels needed before registration. Errors are those of
 * connection_read(), or of a socket.
 */
int link_open(struct link *l, const char *uuid, struct buf *why) must_check;
/* The channels an engine of this id needs after registration. -errno. */
int link_open_rest(struct link *l, int64_t id) must_check;
void link_close(struct link *l);
/* The connection file no longer says what it said when it was read. */
bool link_file_changed(const struct link *l);

/*
 * Whether who is at the other end of a channel has registered this engine: it has
 * not when the channel was just opened or link_doubt() was called; link_trust():
 * all have.
 */
bool link_is_doubtful(struct link *l, enum channel c);
void link_doubt(struct link *l, enum channel c);
/*
 * New connections in the place of those that are there, which may lead nowhere: a
 * network that has forgotten a connection tells nobody, and the kernel needs up to a
 * quarter of an hour to see it. What was under way is lost. False: there was none.
 */
bool link_connect_again(struct link *l);
void link_trust(struct link *l);
/*
 * No beat has come. A controller of ours sends them one by one by the lines, to those
 * that it knows: who hears none asks for one. Nothing without lines.
 */
void link_ask_beat(struct link *l);

/*
 * All channels of link_open() could send now; those that cannot are watched,
 * and ops->can_send() is called when one can.
 */
bool link_connected(struct link *l);
/* This channel could send now. */
bool link_can_send(struct link *l, enum channel c);
/* As if link_send() had found no room; -EAGAIN. */
int link_want(struct link *l, enum channel c);
/*
 * Sends without waiting. -EAGAIN: later; ops->can_send() is called when the
 * channel may take it (but for iopub, which cannot be asked).
 */
int link_send(struct link *l, enum channel c, const struct msg_out *out)
	must_check;

#endif
