/*
 * link.h: the line to the controller: sockets, questions with deadlines, and
 * being there again after the controller was away.
 *
 * The connection file is read at every attempt: ports and key may be new. A
 * line is up when the controller has answered the connection_request and
 * speaks the extensions. It is lost when ZeroMQ says so, or when nothing was
 * heard for LINK_SILENCE; then everything asked is answered -EHOSTDOWN, but
 * for questions that last: those are asked again when the line is up.
 */
#ifndef TASKFS_FS_LINK_LINK_H
#define TASKFS_FS_LINK_LINK_H

#include "base/loop.h"
#include "request.h"
#include "wire/connfile.h"
#include "wire/messages.h"

enum link_state {
	LINK_DOWN,	/* no sockets: no usable connection file yet */
	LINK_HELLO,	/* asked, no answer yet */
	LINK_FOREIGN,	/* answered, but does not speak the extensions */
	LINK_UP,
};

struct link;
struct tunnel;

struct link_events {
	void (*up)(struct link *l);
	void (*down)(struct link *l);
	/* It is one of ipyparallel: link_redirect(), or -errno and why not. */
	int (*stock)(struct link *l, struct buf *why);
	/* A `changes` message; *m may be taken (then it is left empty). */
	void (*changes)(struct link *l, struct msg *m);
};

struct link {
	struct loop *loop;
	void *zmq;
	char *path;		/* of the connection file; of a tunnel: its url */
	struct tunnel *tunnel;	/* to where that is; borrowed; NULL: here */
	enum connfile_kind kind; /* of that: CLIENT, then perhaps BRIDGE */
	const struct link_events *on;
	enum link_state state;
	struct buf why;		/* why not up; or "" */
	int64_t since;		/* when `why` began, usec */
	struct connfile file;
	struct session session;
	bool has_session;
	int nearby;		/* its outputs, if they are here; 0: they are not */
	char instance[80];	/* of the controller, "" before the first */
	char cluster[ID_SIZE];	/* its, the same for ever; "" the same */
	int64_t started;	/* the controller's start, time of day */
	int64_t born;		/* the same by steady_usec() */
	void *query, *events, *monitor;
	struct watch query_watch, events_watch, monitor_watch;
	uint64_t connects;	/* ... it came up */
	struct timer tick;
	uint64_t heard;		/* mono_usec() */
	unsigned silent_ticks;	/* since then */
	struct requests requests;
	struct request hello;
};

#define LINK_SILENCE (15 * USEC_PER_SEC)

/* path is copied. Nothing happens before link_start(): tunnel may be set until then. */
void link_init(struct link *l, struct loop *loop, void *zmq, const char *path,
	       const struct link_events *on);
void link_start(struct link *l);
/* Closes everything; nothing is answered any more. */
void link_done(struct link *l);

static inline bool link_is_up(const struct link *l)
{
	return l->state == LINK_UP;
}

/* From now on to the bridge of that connection file; path is copied. */
void link_redirect(struct link *l, const char *path);
/* The controller is another one than we thought: begin again. */
void link_restart(struct link *l, const char *why);

/*
 * Asks. -EHOSTDOWN when the line is not up (q is not taken). The time runs
 * from now, microseconds.
 */
int link_ask(struct link *l, struct request *q, struct msg_out *out,
	     uint64_t timeout) must_check;
/* From again(): the same, with the time that is left. */
int link_ask_again(struct link *l, struct request *q,
		   struct msg_out *out) must_check;
/* Nobody wants the answer; an unasked request is fine. */
void link_forget(struct link *l, struct request *q);

#endif
