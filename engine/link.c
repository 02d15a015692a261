#include "link.h"
#include "channels.h"
#include "connection.h"
#include "ssh/tunnel.h"
#include "wire/limits.h"

#define LINGER_MS 1000
#define MEND_USEC USEC_PER_SEC
/* Messages of one socket that are read in one turn. */
#define TURN_MESSAGES 64
#define LIMIT_PING 256

int link_init(struct link *l, struct loop *loop, const struct config *config,
	      const struct link_ops *ops, struct engine *e)
{
	*l = (struct link){.loop = loop, .config = config, .ops = ops,
			   .engine = e};
	l->zmq = zmq_ctx_new();
	return l->zmq ? 0 : -errno;
}

void link_done(struct link *l)
{
	link_close(l);
	if (l->zmq)
		zmq_ctx_term(l->zmq);
	l->zmq = NULL;
}

/* What carries a channel. */
static struct link_socket *carrier(struct link *l, enum channel c)
{
	if (!l->lines || channels[c].is_line)
		return &l->socket[c];
	return &l->socket[channel_of_line(line_of(channels[c].carried))];
}

static enum channel channel_of(const struct link_socket *s)
{
	return (enum channel)(s - s->link->socket);
}

/* --- receiving ---------------------------------------------------------- */

static void log_message(const char *what, enum channel c, struct bytes text)
{
	log_debug(what, log_str("channel", channels[c].name),
		  log_bytes("message", text));
}

static void complain(struct link *l, enum channel c, int err, const char *why)
{
	unsigned skipped;

	if (log_allowed(&l->rubbish, 5, 10 * USEC_PER_SEC, &skipped))
		log_warning(err == -EPROTO ? "signed message cannot be read"
					   : "message dropped",
			    log_str("channel", channels[c].name),
			    log_str("reason",
				    err == -EALREADY ? "a replay"
				    : err == -EPROTO ? why
						     : "malformed or not "
						       "signed by the key"),
			    log_int("more", skipped));
}

static void trace(enum channel c, const struct msg *m)
{
	struct buf b = BUF_INIT;

	if (!log_enabled(LOG_DEBUG))
		return;
	msg_describe(m, &b);
	log_message("received", c, buf_bytes(&b));
	buf_done(&b);
}

static void open_message(struct link *l, enum channel c, struct msg *m)
{
	int err = msg_open(m, &l->session, MSG_READ);

	if (err) {
		complain(l, c, err, m->why);
		if (err == -EPROTO)
			l->ops->refuse(l->engine, c, m);
	} else {
		trace(c, m);
		l->ops->message(l->engine, c, m);
	}
}

static void send_pong(struct link *l, struct bytes text)
{
	void *socket = carrier(l, CHANNEL_PONG)->watch.socket;
	struct bytes tag = line_tag(CARRY_PONG);

	loop_socket_used(socket);
	if (l->lines && zmq_send(socket, tag.p, tag.n,
				 ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
		return;
	(void)!zmq_send(socket, text.p, text.n, ZMQ_DONTWAIT);
}

/* Who sent a ping hears it again, and the owner of the link hears of it: it may close
 * the sockets. */
static void echo(struct link *l, const struct msg *m)
{
	struct bytes text = msg_frame(m, 0);

	if (m->frames != 1 || text.n > LIMIT_PING)
		return;
	send_pong(l, text);
	l->ops->beat(l->engine, text);
}

/* Of which channel a message is that came by a line; false: of none. */
static bool take_tag(struct link *l, enum channel *c, struct msg *m)
{
	enum carried what;

	if (m->frames < 2 ||
	    !line_find(channels[*c].line, msg_frame(m, 0), &what)) {
		complain(l, *c, -EBADMSG, NULL);
		return false;
	}
	msg_drop_frame(m, 0);
	*c = channel_carried(what);
	return true;
}

static bool receive(struct link *l, enum channel c)
{
	struct msg m = {0};
	int err = msg_recv(&m, l->socket[c].watch.socket);

	if (err == -EAGAIN)
		return false;
	if (err)
		complain(l, c, err, NULL);
	else if (channels[c].is_line && !take_tag(l, &c, &m))
		;
	else if (c == CHANNEL_PING)
		echo(l, &m);
	else
		open_message(l, c, &m);
	msg_done(&m);
	return true;
}

/*
 * Who listens on iopub says so. What is published before is lost, so nothing
 * should be.
 */
static void subscriptions(struct link *l)
{
	char byte;
	int n;

	while ((n = zmq_recv(l->socket[CHANNEL_IOPUB].watch.socket, &byte, 1,
			     ZMQ_DONTWAIT)) >= 0)
		if (n > 0 && byte == 1)
			l->subscribed = true;
	l->ops->can_send(l->engine);
}

static void connect_again(struct link_socket *s)
{
	struct link *l = s->link;
	int err;

	s->lost = s->greeted = false;
	loop_socket_used(s->watch.socket);
	err = sock_connect_again(s->watch.socket, l->file.interface, s->port);
	if (err)
		log_error("cannot connect to the controller",
			  log_str("channel", channels[channel_of(s)].name),
			  log_errno(err));
}

/* Where a stranger listened, the controller may listen again. */
static void mend(struct timer *t)
{
	struct link *l = container_of(t, struct link, mend);
	int c;

	for (c = 0; c < CHANNELS; c++)
		if (l->socket[c].lost && l->socket[c].watch.socket)
			connect_again(&l->socket[c]);
}

bool link_connect_again(struct link *l)
{
	bool any = false;
	int c;

	for (c = 0; c < CHANNELS; c++) {
		struct link_socket *s = &l->socket[c];

		/* libzmq tries again itself where nobody has greeted. */
		if (!s->watch.socket || !s->greeted)
			continue;
		s->doubtful |= channels[c].tasks;
		connect_again(s);
		any = true;
	}
	return any;
}

/* A connection that ended before its handshake is made anew. */
static void note_end(struct link_socket *s)
{
	struct link *l = s->link;

	s->lost |= !s->greeted;
	s->greeted = false;
	if (s->lost && !timer_is_set(&l->mend))
		timer_set(l->loop, &l->mend, MEND_USEC);
}

/* Whether a connection has ended since. */
static bool has_ended(struct link_socket *s)
{
	bool ended = false;
	int event, value;

	while (sock_monitor_next(s->monitor.socket, &event, &value)) {
		if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
			s->greeted = true;
			s->lost = false;
		} else if (event == ZMQ_EVENT_DISCONNECTED) {
			ended = true;
			note_end(s);
		}
	}
	return ended;
}

static void monitor_ready(struct watch *w, short events)
{
	struct link_socket *s = container_of(w, struct link_socket, monitor);
	struct link *l = s->link;

	(void)events;
	if (has_ended(s) && channels[channel_of(s)].tasks)
		l->ops->cut_off(l->engine, channel_of(s));
}

static void socket_ready(struct watch *w, short events)
{
	struct link_socket *s = container_of(w, struct link_socket, watch);
	struct link *l = s->link;
	enum channel c = channel_of(s);
	int i;

	if (events & POLLOUT) {
		watch_want(w, POLLIN);
		l->ops->can_send(l->engine);
	}
	if (c == CHANNEL_IOPUB) {
		subscriptions(l);
		return;
	}
	/* A handler may close the socket. */
	for (i = 0; i < TURN_MESSAGES && w->socket; i++)
		if (!receive(l, c))
			break;
}

/* --- sockets ------------------------------------------------------------ */

static int set_flag(void *socket, int option)
{
	int on = 1;

	return zmq_setsockopt(socket, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int watch_connection(struct link_socket *s)
{
	struct link *l = s->link;
	void *monitor;
	int err = sock_monitor(l->zmq, s->watch.socket,
			       ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
				       ZMQ_EVENT_DISCONNECTED,
			       &monitor);

	if (err)
		return err;
	s->monitor = (struct watch){.ready = monitor_ready, .socket = monitor,
				    .events = POLLIN};
	loop_add(l->loop, &s->monitor);
	return 0;
}

static void close_channel(struct link *l, enum channel c)
{
	struct link_socket *s = &l->socket[c];

	loop_remove(&s->monitor);
	sock_monitor_close(s->watch.socket, &s->monitor.socket);
	loop_remove(&s->watch);
	sock_close(&s->watch.socket);
}

static int connect_channel(struct link *l, enum channel c, unsigned port)
{
	const struct channel_row *row = &channels[c];
	struct sock how = {
		.type = row->type,
		.identity = row->anonymous ? NULL : l->session.id,
		.send_hwm = row->send_hwm,
		.linger_ms = LINGER_MS,
		.curve = &l->curve,
	};
	struct link_socket *s = &l->socket[c];
	void *socket;
	int err = sock_new(l->zmq, &how, &socket);

	if (err)
		return err;
	if (row->immediate)
		err = set_flag(socket, ZMQ_IMMEDIATE);
	if (!err && row->no_drop)
		err = set_flag(socket, ZMQ_XPUB_NODROP);
	tunnel_want(l->config->tunnel, port);
	if (!err)
		err = sock_connect(socket, l->file.interface, port);
	if (err) {
		sock_close(&socket);
		return err;
	}
	s->watch = (struct watch){.ready = socket_ready, .socket = socket,
				  .events = POLLIN};
	s->link = l;
	s->port = port;
	s->greeted = s->lost = false;
	loop_add(l->loop, &s->watch);
	return watch_connection(s);
}

static int connect_row(struct link *l, enum channel c)
{
	const char *ports = (const char *)&l->file.port;
	unsigned port;

	memcpy(&port, ports + channels[c].port, sizeof(port));
	return connect_channel(l, c, port);
}

/* Connected before registration. */
static bool is_early(const struct link *l, int c)
{
	return channels[c].is_line == l->lines && !channels[c].late;
}

int link_open(struct link *l, const char *uuid, struct buf *why)
{
	int err = connection_read(l->config, &l->text, &l->file, why);
	int c;

	assert(!l->open);
	if (err)
		return err;
	l->open = true;
	l->lines = l->file.port.line_control != 0;
	/* What is published goes by a line to who reads it. */
	l->subscribed = l->lines;
	l->mend.fire = mend;
	connfile_curve(&l->file, &l->curve);
	session_init(&l->session, uuid, bytes_str(l->file.key), LIMIT_REPLAY);
	l->session.encrypted = l->curve.on;
	for (c = 0; c < CHANNELS && !err; c++) {
		l->socket[c].doubtful = true;
		if (is_early(l, c))
			err = connect_row(l, (enum channel)c);
	}
	if (err) {
		buf_printf(why, "cannot connect to %s of %s: %s",
			   l->file.interface, l->config->path, strerror(-err));
		link_close(l);
	}
	return err;
}

static int open_late(struct link *l, int64_t id)
{
	unsigned leaf = l->file.broadcasts[(size_t)id % l->file.nbroadcasts];
	int err = 0;

	if (!l->socket[CHANNEL_BROADCAST].watch.socket || leaf != l->leaf) {
		close_channel(l, CHANNEL_BROADCAST);
		err = connect_channel(l, CHANNEL_BROADCAST, leaf);
		l->leaf = leaf;
	}
	if (!err && !l->socket[CHANNEL_PONG].watch.socket)
		err = connect_row(l, CHANNEL_PONG);
	if (!err && !l->socket[CHANNEL_PING].watch.socket)
		err = connect_row(l, CHANNEL_PING);
	return err;
}

int link_open_rest(struct link *l, int64_t id)
{
	return l->lines ? 0 : open_late(l, id);
}

void link_close(struct link *l)
{
	int c;

	for (c = 0; c < CHANNELS; c++)
		close_channel(l, (enum channel)c);
	timer_cancel(&l->mend);
	if (!l->open)
		return;
	session_done(&l->session);
	connfile_done(&l->file);
	sodium_memzero(l->text.p, l->text.room);
	buf_done(&l->text);
	l->open = false;
}

void link_doubt(struct link *l, enum channel c)
{
	carrier(l, c)->doubtful = true;
}

bool link_is_doubtful(struct link *l, enum channel c)
{
	return carrier(l, c)->doubtful;
}

void link_trust(struct link *l)
{
	int c;

	for (c = 0; c < CHANNELS; c++)
		l->socket[c].doubtful = false;
}

bool link_file_changed(const struct link *l)
{
	return connection_changed(l->config, buf_bytes(&l->text));
}

/* --- sending ------------------------------------------------------------ */

bool link_can_send(struct link *l, enum channel c)
{
	void *socket = carrier(l, c)->watch.socket;
	size_t n = sizeof(int);
	int events = 0;

	loop_socket_used(socket);
	return socket &&
	       zmq_getsockopt(socket, ZMQ_EVENTS, &events, &n) == 0 &&
	       (events & ZMQ_POLLOUT);
}

bool link_connected(struct link *l)
{
	bool all = l->subscribed;
	int c;

	for (c = 0; c < CHANNELS; c++) {
		if (!is_early(l, c) || channels[c].type != ZMQ_DEALER ||
		    link_can_send(l, (enum channel)c))
			continue;
		link_want(l, (enum channel)c);
		all = false;
	}
	return all;
}

int link_want(struct link *l, enum channel c)
{
	watch_want(&carrier(l, c)->watch, POLLIN | POLLOUT);
	return -EAGAIN;
}

/* With the channel's name before its idents. */
static int send_by_line(struct link *l, enum channel c,
			const struct msg_out *out)
{
	struct bytes idents[LIMIT_IDENTS + 1];
	struct msg_out tagged = *out;
	unsigned i;

	if (out->nidents > LIMIT_IDENTS)
		return -EMSGSIZE;
	idents[0] = line_tag(channels[c].carried);
	for (i = 0; i < out->nidents; i++)
		idents[i + 1] = out->idents[i];
	tagged.idents = idents;
	tagged.nidents = out->nidents + 1;
	return msg_send(carrier(l, c)->watch.socket, &l->session, &tagged);
}

static int send_message(struct link *l, enum channel c,
			const struct msg_out *out)
{
	void *socket = carrier(l, c)->watch.socket;

	if (!socket)
		return -EAGAIN;
	return l->lines ? send_by_line(l, c, out)
			: msg_send(socket, &l->session, out);
}

int link_send(struct link *l, enum channel c, const struct msg_out *out)
{
	int err = send_message(l, c, out);

	if (err == -EAGAIN && channels[channel_of(carrier(l, c))].type == ZMQ_DEALER)
		link_want(l, c);
	else if (!err && log_enabled(LOG_DEBUG))
		log_message("sent", c, bytes_str(out->type));
	return err;
}

void link_ask_beat(struct link *l)
{
	struct watch *w = &l->socket[CHANNEL_LINE_CONTROL].watch;
	struct bytes tag = line_tag(CARRY_PING);

	if (!l->lines || !w->socket)
		return;
	loop_socket_used(w->socket);
	(void)!zmq_send(w->socket, tag.p, tag.n, ZMQ_DONTWAIT);
}
