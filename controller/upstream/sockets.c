#include "base/base.h"
#include "sockets.h"

#include "base/log.h"
#include "net/intake.h"
#include "upstream_parts.h"

#define MESSAGES_PER_TURN 256
/* Messages of iopub that wait here; more wait with the upstream. */
#define IOPUB_HWM 1000

/* --- messages ----------------------------------------------------------- */

static void take(struct upstream *u, enum part i, struct msg *m)
{
	static struct log_limit noise;
	unsigned skipped;
	int err = msg_open(m, &u->session, MSG_READ);

	if (err) {
		if (log_allowed(&noise, 5, 10 * USEC_PER_SEC, &skipped))
			log_warning("a message of the upstream was dropped",
				    log_errno(err), log_str("why", m->why),
				    log_int("not_logged", skipped));
		/* A reply that cannot be read is the reply all the same, and says
		 * nothing. */
		if (err == -EPROTO && m->type && i != U_IOPUB &&
		    i != U_NOTIFICATION)
			u->row[i].on_message(u, m);
		return;
	}
	u->heard = mono_usec();
	if (log_enabled(LOG_DEBUG))
		log_debug("from the upstream", log_str("type", m->type),
			  log_str("id", m->id));
	u->row[i].on_message(u, m);
}

static void ready(struct watch *w, short events)
{
	struct upstream_socket *s = container_of(w, struct upstream_socket,
						 watch);
	struct upstream *u = s->u;
	struct msg m = {0};
	int i, err = 0;

	(void)events;
	for (i = 0; i < MESSAGES_PER_TURN && s->socket; i++) {
		err = msg_recv(&m, s->socket);
		if (err == -EMSGSIZE)
			u->c->count.dropped_oversize++;
		else if (err)
			break;
		else
			take(u, (enum part)(s - u->part), &m);
		msg_done(&m);
	}
	msg_done(&m);
	intake_check(u->c);
}

/* While the store has too much to write no outputs are read; replies of tasks are
 * small. */
static short wanted(const struct upstream *u, enum part i)
{
	return intake_is_paused(u->c) && i == U_IOPUB ? 0 : POLLIN;
}

void upstream_feed(struct controller *c)
{
	struct upstream *u = c->upstream;

	if (u && u->part[U_IOPUB].socket)
		watch_want(&u->part[U_IOPUB].watch, wanted(u, U_IOPUB));
}

/* --- opening ------------------------------------------------------------ */

static int open_part(struct upstream *u, enum part i, const struct curve *curve)
{
	struct upstream_socket *s = &u->part[i];
	unsigned port;
	struct sock how = {
		.type = u->row[i].type,
		.curve = curve,
		.recv_hwm = i == U_IOPUB ? IOPUB_HWM : 0,
		/* A socket that is full does not hear the other side's heartbeats
		 * either. */
		.heartbeat = i != U_IOPUB,
	};
	int err = sock_new(u->c->zmq, &how, &s->socket);

	if (err)
		return err;
	memcpy(&port, (char *)&u->file.port + u->row[i].port,
	       sizeof(port));
	err = sock_connect(s->socket, u->file.interface, port);
	if (err)
		return err;
	s->u = u;
	s->watch = (struct watch){
		.socket = s->socket,
		.events = wanted(u, i),
		.ready = ready,
	};
	loop_add(u->c->loop, &s->watch);
	return 0;
}

static void monitor_ready(struct watch *w, short events)
{
	struct upstream *u = container_of(w, struct upstream, monitor_watch);

	(void)events;
	if (sock_monitor_ended(w->socket))
		u->broke(u);
}

static int open_monitor(struct upstream *u)
{
	int err = sock_monitor(u->c->zmq, u->part[U_QUERY].socket,
			       ZMQ_EVENT_DISCONNECTED, &u->monitor);

	if (err)
		return err;
	u->monitor_watch = (struct watch){
		.ready = monitor_ready,
		.socket = u->monitor,
		.events = POLLIN,
	};
	loop_add(u->c->loop, &u->monitor_watch);
	return 0;
}

int upstream_sockets_open(struct upstream *u)
{
	struct curve curve;
	int i, err = 0;

	connfile_curve(&u->file, &curve);
	for (i = 0; i < U_PARTS && !err; i++)
		err = open_part(u, (enum part)i, &curve);
	return err ? err : open_monitor(u);
}

void upstream_sockets_close(struct upstream *u)
{
	int i;

	loop_remove(&u->monitor_watch);
	sock_monitor_close(u->part[U_QUERY].socket, &u->monitor);
	for (i = 0; i < U_PARTS; i++) {
		loop_remove(&u->part[i].watch);
		sock_close(&u->part[i].socket);
	}
}
