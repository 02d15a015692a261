#include "base/base.h"
#include "hub.h"

#include "base/log.h"
#include "clients/channel.h"
#include "clients/iopub.h"
#include "clients/relay.h"
#include "engines/drain.h"
#include "engines/errands.h"
#include "engines/flight.h"
#include "engines/heart.h"
#include "engines/notify.h"
#include "engines/ours_reply.h"
#include "engines/returned.h"
#include "execute/answer.h"
#include "gate/admission.h"
#include "gate/door.h"
#include "gate/subscribers.h"
#include "hello.h"
#include "ipython/foreign.h"
#include "model/engines.h"
#include "mounts/events.h"
#include "net/address.h"
#include "net/intake.h"
#include "net/line.h"
#include "net/sockets.h"
#include "query.h"
#include "upstream/sockets.h"
#include "vars/requests.h"
#include "vars/vars.h"

/* So many messages wait for one peer that does not read them; on the sockets by
 * which clients' tasks go, so many beside those tasks (--client-tasks). */
#define SEND_HWM 20000
/* So many messages of one engine wait here. */
#define RECV_HWM 64
/*
 * The largest frame on a socket where subscriptions come, or pongs, and nothing
 * else; and what the kernel keeps of such frames, which libzmq reads even of a peer
 * that is shut out.
 */
#define SMALL_FRAME KIB
#define SMALL_BUFFER (32 * KIB)
/* Messages taken from one socket before the others get their turn. */
#define BUDGET 256

static void on_registration(struct controller *c, struct msg *m)
{
	admission_prove(c, m);
	query_on_message(c, m);
}

/* Clients of an upstream controller speak to that one. */
static void from_client(struct controller *c, enum channel ch, struct msg *m)
{
	if (c->upstream)
		c->count.dropped_unknown++;
	else
		relay_from_client(c, ch, m);
}

static void on_mux_in(struct controller *c, struct msg *m)
{
	from_client(c, CHANNEL_MUX, m);
}

static void on_control_in(struct controller *c, struct msg *m)
{
	from_client(c, CHANNEL_CONTROL, m);
}

static void on_task_in(struct controller *c, struct msg *m)
{
	from_client(c, CHANNEL_TASK, m);
}

static void on_broadcast_in(struct controller *c, struct msg *m)
{
	from_client(c, CHANNEL_BROADCAST, m);
}

static void on_mux_out(struct controller *c, struct msg *m)
{
	relay_from_engine(c, CHANNEL_MUX, m);
}

/* As with tasks: a message with one ident is for this controller. */
static void on_control_out(struct controller *c, struct msg *m)
{
	struct engine *e = engine_by_uuid(c, msg_ident(m, 0));

	if (m->idents >= 2) {
		relay_from_engine(c, CHANNEL_CONTROL, m);
		return;
	}
	if (e && (foreign_on_reply(e, m) || flight_on_reply(e, m)))
		return;
	orders_on_reply(c, m);
	vars_on_reply(c, m);
}

static void on_broadcast_out(struct controller *c, struct msg *m)
{
	relay_from_engine(c, CHANNEL_BROADCAST, m);
}

/* A reply behind one ident is for this controller, one behind two for a client. */
static void on_task_out(struct controller *c, struct msg *m)
{
	struct engine *e;

	if (m->idents >= 2) {
		relay_from_engine(c, CHANNEL_TASK, m);
		return;
	}
	e = engine_by_uuid(c, msg_ident(m, 0));
	if (e && foreign_on_reply(e, m))
		return;
	m->content = msg_object(m, MSG_CONTENT, m->why ? NULL : &m->why);
	if (e && (strcmp(m->type, MSG_EXECUTE_REPLY) == 0 ||
		  strcmp(m->type, MSG_APPLY_REPLY) == 0))
		answer_on_reply(e, m);
	else if (!e || m->why)
		c->count.dropped_unknown++;
	else if (strcmp(m->type, MSG_OUTPUT) == 0)
		ours_on_output(e, m);
	else if (strcmp(m->type, MSG_VARS) == 0)
		vars_on_told(e, m);
	else if (strcmp(m->type, MSG_DRAIN) == 0)
		drain_on_told(e, m);
	else if (strcmp(m->type, MSG_RETURNED) == 0)
		returned_given_back(e, m->content);
	else
		c->count.dropped_unknown++;
}

static void on_iopub_in(struct controller *c, struct msg *m)
{
	iopub_from_engine(c, m);
}

/* --- what is signed and cannot be read ---------------------------------- */

/* A client's message on that channel cannot be read: the client waits for an answer. */
#define REFUSE(name, channel)                                          \
	static void refuse_##name(struct controller *c, struct msg *m) \
	{                                                              \
		relay_refuse(c, channel, m);                           \
	}
REFUSE(mux, CHANNEL_MUX)
REFUSE(control, CHANNEL_CONTROL)
REFUSE(task, CHANNEL_TASK)
REFUSE(broadcast, CHANNEL_BROADCAST)

static void feed(struct controller *c);
static void line_ready(struct watch *w, short events);
static void ping_ready(struct watch *w, short events);
static void pong_ready(struct watch *w, short events);
static void events_ready(struct watch *w, short events);
static void notification_ready(struct watch *w, short events);
static void iopub_out_ready(struct watch *w, short events);

/* The sockets as ipyparallel has them, and ours for events. */
static const struct socket_row {
	const char *name;
	int type;
	const char *identity;
	bool mandatory;		/* to send to an unknown engine is an error */
	enum msg_how how;
	/* NULL: nothing is received, or `ready` sees to it */
	void (*on_message)(struct controller *c, struct msg *m);
	/* NULL: messages are read, if any are received */
	void (*ready)(struct watch *w, short events);
	/* The socket tells of each subscription, not only of the first. */
	bool verbose;
	bool tasks;		/* of clients, or replies to them: none is lost */
	bool small;		/* a bigger frame ends the connection */
	/* A message is signed but cannot be read: who waits for an answer gets one.
	 * An engine's is the reply all the same, and says nothing. */
	void (*refuse)(struct controller *c, struct msg *m);
} rows[SOCKETS] = {
	[S_REGISTRATION] = {ADMISSION_OPEN, ZMQ_ROUTER, NULL, false, MSG_READ,
			    .on_message = on_registration,
			    .refuse = query_refuse},
	[S_NOTIFICATION] = {.name = "notification", .type = ZMQ_XPUB,
			    .ready = notification_ready, .verbose = true,
			    .small = true},
	[S_HB_PING] = {.name = "hb_ping", .type = ZMQ_XPUB,
		       .ready = ping_ready, .small = true},
	[S_HB_PONG] = {.name = "hb_pong", .type = ZMQ_ROUTER,
		       .ready = pong_ready, .small = true},
	[S_LINE_CONTROL] = {.name = "line_control", .type = ZMQ_ROUTER,
			    .mandatory = true, .ready = line_ready},
	[S_LINE_TASK] = {.name = "line_task", .type = ZMQ_ROUTER,
			 .mandatory = true, .ready = line_ready,
			 .tasks = true},
	[S_MUX_IN] = {"mux_in", ZMQ_ROUTER, "mux_in", false, MSG_RELAY_ONCE,
		      .on_message = on_mux_in, .tasks = true,
		      .refuse = refuse_mux},
	[S_MUX_OUT] = {"mux_out", ZMQ_ROUTER, "mux_out", true, MSG_RELAY,
		       .on_message = on_mux_out, .tasks = true,
		       .refuse = on_mux_out},
	[S_CONTROL_IN] = {"control_in", ZMQ_ROUTER, "control_in", false,
			  MSG_RELAY_ONCE, .on_message = on_control_in,
			  .refuse = refuse_control},
	[S_CONTROL_OUT] = {ADMISSION_NANNY, ZMQ_ROUTER, "control_out", true,
			   MSG_RELAY, .on_message = on_control_out,
			   .refuse = on_control_out},
	[S_TASK_IN] = {"task_in", ZMQ_ROUTER, "task_in", false, MSG_RELAY_ONCE,
		       .on_message = on_task_in, .tasks = true,
		       .refuse = refuse_task},
	[S_TASK_OUT] = {"task_out", ZMQ_ROUTER, "task_out", true, MSG_RELAY,
			.on_message = on_task_out, .tasks = true,
			.refuse = on_task_out},
	[S_BROADCAST_IN] = {"broadcast_in", ZMQ_ROUTER, "sub_scheduler_0",
			    false, MSG_RELAY_ONCE,
			    .on_message = on_broadcast_in, .tasks = true,
			    .refuse = refuse_broadcast},
	[S_BROADCAST_OUT] = {"broadcast_out", ZMQ_ROUTER, "sub_scheduler_0",
			     true, MSG_RELAY,
			     .on_message = on_broadcast_out, .tasks = true,
			     .refuse = on_broadcast_out},
	[S_IOPUB_IN] = {"iopub_in", ZMQ_SUB, NULL, false, MSG_READ,
			.on_message = on_iopub_in},
	[S_IOPUB_OUT] = {.name = "iopub_out", .type = ZMQ_XPUB,
			 .ready = iopub_out_ready, .verbose = true,
			 .small = true},
	[S_EVENTS] = {.name = "events", .type = ZMQ_XPUB,
		      .ready = events_ready, .small = true},
};

static void dropped(struct controller *c, enum socket s, const struct msg *m,
		    int err)
{
	unsigned skipped;

	if (!log_allowed(&c->drop_limit[s], 5, 10 * USEC_PER_SEC, &skipped))
		return;
	log_warning(err == -EPROTO ? "a signed message cannot be read"
				   : "a message was dropped",
		    log_str("socket", rows[s].name),
		    log_str("why", err == -EALREADY ? "seen before"
				   : err == -EMSGSIZE ? "too many frames"
				   : err == -EPROTO   ? m->why
					   : "malformed or not signed "
					     "with the key"),
		    log_int("frames", m->frames),
		    log_int("not_logged", skipped));
}

static void trace(enum socket s, const struct msg *m)
{
	struct buf b = BUF_INIT;

	msg_describe(m, &b);
	log_debug("received", log_str("socket", rows[s].name),
		  log_bytes("message", buf_bytes(&b)));
	buf_done(&b);
}

/* What came by that socket, or by the line that stands for it. */
static void take(struct controller *c, enum socket s, struct msg *m)
{
	const struct socket_row *row = &rows[s];
	int err = msg_open(m, &c->session, row->how);

	if (err)
		dropped(c, s, m, err);
	if (err == -EPROTO && m->type && row->refuse)
		row->refuse(c, m);
	if (err)
		return;
	if (log_enabled(LOG_DEBUG))
		trace(s, m);
	row->on_message(c, m);
}

static enum socket number_of(const struct hub_socket *s)
{
	return (enum socket)(s - s->c->sock);
}

static bool may_read(const struct hub_socket *s)
{
	return s->socket && !channel_is_full(s->c, number_of(s));
}

/* Messages of one socket, as many as it may say in one turn. */
static void read_messages(struct hub_socket *s,
			  void (*take_one)(struct hub_socket *s, struct msg *m))
{
	struct msg m = {0};
	int i, err = 0;

	for (i = 0; i < BUDGET && may_read(s); i++) {
		err = msg_recv(&m, s->socket);
		if (err == -EMSGSIZE) {
			s->c->count.dropped_oversize++;
			dropped(s->c, number_of(s), &m, err);
			continue;
		}
		if (err)
			break;
		take_one(s, &m);
		msg_done(&m);
	}
	msg_done(&m);
	intake_check(s->c);
}

static void take_own(struct hub_socket *s, struct msg *m)
{
	take(s->c, number_of(s), m);
}

static void ready(struct watch *w, short events)
{
	(void)events;
	read_messages(container_of(w, struct hub_socket, watch), take_own);
}

static void take_carried(struct hub_socket *s, struct msg *m)
{
	enum engine_line l = number_of(s) == S_LINE_TASK ? LINE_TASK
							 : LINE_CONTROL;
	enum socket of = line_take(l, m);

	if (of == S_HB_PING)
		heart_on_question(s->c, m);
	else if (of == S_HB_PONG)
		heart_on_pong(s->c, m);
	else if (of != SOCKETS)
		take(s->c, of, m);
	else
		dropped(s->c, number_of(s), m, -EBADMSG);
}

static void line_ready(struct watch *w, short events)
{
	(void)events;
	read_messages(container_of(w, struct hub_socket, watch), take_carried);
}

static void pong_ready(struct watch *w, short events)
{
	struct hub_socket *s = container_of(w, struct hub_socket, watch);
	struct msg m = {0};
	int i;

	(void)events;
	for (i = 0; i < BUDGET && msg_recv(&m, s->socket) == 0; i++) {
		heart_on_pong(s->c, &m);
		msg_done(&m);
	}
	msg_done(&m);
}

static unsigned subscriptions(struct hub_socket *s, bool *ret_any)
{
	return subscribers_read(s, rows[s - s->c->sock].name, ret_any);
}

static void ping_ready(struct watch *w, short events)
{
	(void)events;
	(void)subscriptions(container_of(w, struct hub_socket, watch), NULL);
}

static void events_ready(struct watch *w, short events)
{
	struct hub_socket *s = container_of(w, struct hub_socket, watch);

	bool heard = events_are_heard(s->c);
	unsigned more = subscriptions(s, &heard);

	(void)events;
	events_on_subscription(s->c, more, heard);
}

static void iopub_out_ready(struct watch *w, short events)
{
	struct hub_socket *s = container_of(w, struct hub_socket, watch);

	(void)events;
	hello_heard(s->c, subscriptions(s, NULL));
}

static void notification_ready(struct watch *w, short events)
{
	struct hub_socket *s = container_of(w, struct hub_socket, watch);

	(void)events;
	if (subscriptions(s, NULL))
		notify_again(s->c);
}

/* --- peers that send more than is taken in ------------------------------ */

/* What comes by these sockets is stored. */
static const enum socket feeding[] = {
	S_LINE_TASK, S_TASK_OUT, S_MUX_OUT, S_BROADCAST_OUT, S_IOPUB_IN,
	S_TASK_IN,  S_MUX_IN,  S_BROADCAST_IN,
};

/* Reads from each of these sockets, unless something speaks against it. */
static void feed(struct controller *c)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(feeding); i++) {
		enum socket s = feeding[i];
		bool no = intake_is_paused(c) || channel_is_full(c, s) ||
			  hello_keeps(c, s);

		watch_want(&c->sock[s].watch, no ? 0 : POLLIN);
	}
	upstream_feed(c);
}

/* --- opening ------------------------------------------------------------ */

static int open_one(struct controller *c, enum socket i)
{
	struct hub_socket *s = &c->sock[i];
	struct sock how = {
		.type = rows[i].type,
		.identity = rows[i].identity,
		.curve = &c->curve,
		.domain = rows[i].name,
		.max_frame = rows[i].small ? SMALL_FRAME : 0,
		.linger_ms = 1000,
		/* For each peer: nobody waits for one that does not read. That one
		 * asks again, or sees the gap in the numbers of the events. */
		.send_hwm = SEND_HWM +
			    (rows[i].tasks ? (int)c->config.client_tasks : 0),
	};
	int yes = 1, buffer = SMALL_BUFFER, err;

	/* What an engine sends piles up with the engine, not here. */
	if (i == S_LINE_TASK || i == S_TASK_OUT || i == S_IOPUB_IN ||
	    rows[i].small)
		how.recv_hwm = RECV_HWM;
	err = sock_new(c->zmq, &how, &s->socket);
	if (!err && rows[i].small &&
	    zmq_setsockopt(s->socket, ZMQ_RCVBUF, &buffer, sizeof(buffer)) < 0)
		err = -errno;
	if (!err && rows[i].mandatory &&
	    zmq_setsockopt(s->socket, ZMQ_ROUTER_MANDATORY, &yes,
			   sizeof(yes)) < 0)
		err = -errno;
	if (!err && rows[i].verbose &&
	    zmq_setsockopt(s->socket, ZMQ_XPUB_VERBOSE, &yes, sizeof(yes)) < 0)
		err = -errno;
	if (!err && c->curve.on)
		err = door_watch(c, s->socket, rows[i].name);
	if (!err)
		err = address_bind(c, i, rows[i].name);
	if (err)
		return err;
	s->c = c;
	s->watch = (struct watch){
		.socket = s->socket,
		.events = POLLIN,
		.ready = rows[i].ready ? rows[i].ready : ready,
	};
	if (rows[i].on_message || rows[i].ready)
		loop_add(c->loop, &s->watch);
	return 0;
}

int hub_open(struct controller *c, struct buf *why)
{
	int i, err = 0;

	c->drop_limit = zalloc(SOCKETS * sizeof(*c->drop_limit));
	intake_init(c, feed);
	for (i = 0; i < SOCKETS && !err; i++) {
		err = open_one(c, (enum socket)i);
		if (err)
			buf_printf(why, "cannot listen for %s: %s; see --ip",
				   rows[i].name, strerror(-err));
	}
	return err;
}

void hub_close(struct controller *c)
{
	int i;

	intake_done(c);
	door_close(c);
	subscribers_close(c);
	for (i = 0; i < SOCKETS; i++) {
		loop_remove(&c->sock[i].watch);
		sock_close(&c->sock[i].socket);
	}
	free(c->drop_limit);
	c->drop_limit = NULL;
}
