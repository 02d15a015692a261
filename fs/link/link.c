#include "link.h"
#include "base/log.h"
#include "linktext.h"
#include "ssh/tunnel.h"
#include "wire/nearby.h"
#include "wire/limits.h"
#include "wire/scan.h"

#define HELLO_TIMEOUT (5 * USEC_PER_SEC)
#define TICK_UP USEC_PER_SEC
#define TICK_DOWN (250 * USEC_PER_MSEC)
#define MESSAGES_PER_TURN 256

static void set_why(struct link *l, const char *fmt, ...) printf_like(2, 3);

static void set_why(struct link *l, const char *fmt, ...)
{
	struct buf now = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&now, fmt, ap);
	va_end(ap);
	if (!bytes_eq(buf_bytes(&now), buf_bytes(&l->why))) {
		log_info("no controller", log_bytes("why", buf_bytes(&now)),
			 log_str("file", l->path));
		l->since = now_usec();
	}
	buf_done(&l->why);
	l->why = now;
}

/* --- questions ---------------------------------------------------------- */

void link_forget(struct link *l, struct request *q)
{
	request_forget(&l->requests, q);
}

static int ask(struct link *l, struct request *q, struct msg_out *out)
{
	int err = request_ask(&l->requests, q, l->query, &l->session, out);

	log_debug("message out", log_str("type", out->type),
		  log_str("id", q->id), log_int("error", err));
	return err == -EAGAIN ? -EHOSTDOWN : err;
}

int link_ask(struct link *l, struct request *q, struct msg_out *out,
	     uint64_t timeout)
{
	if (l->state != LINK_UP)
		return -EHOSTDOWN;
	q->due = mono_usec() + timeout;
	return ask(l, q, out);
}

int link_ask_again(struct link *l, struct request *q, struct msg_out *out)
{
	return l->state == LINK_UP ? ask(l, q, out) : -EHOSTDOWN;
}

/* --- closing ------------------------------------------------------------ */

static void close_sockets(struct link *l)
{
	loop_remove(&l->query_watch);
	loop_remove(&l->events_watch);
	loop_remove(&l->monitor_watch);
	sock_monitor_close(l->query, &l->monitor);
	sock_close(&l->events);
	sock_close(&l->query);
}

static void go_down(struct link *l)
{
	bool was_up = l->state == LINK_UP;

	link_forget(l, &l->hello);
	close_sockets(l);
	l->state = LINK_DOWN;
	requests_lose(&l->requests);
	if (was_up)
		l->on->down(l);
}

static void no_answer(struct link *l)
{
	struct buf url = BUF_INIT, more = BUF_INIT;

	link_url(l, &url);
	/* What ssh said last is about what it forwards. */
	if (l->tunnel)
		(void)tunnel_state(l->tunnel, &more);
	set_why(l, "no answer from %s%s%s", buf_str(&url), more.n ? "; " : "",
		buf_str(&more));
	buf_done(&more);
	buf_done(&url);
}

static void lost(struct link *l, const char *why)
{
	log_info("the controller is lost", log_str("why", why));
	no_answer(l);
	go_down(l);
	timer_set(l->loop, &l->tick, TICK_DOWN);
}

void link_restart(struct link *l, const char *why)
{
	lost(l, why);
}

/* --- messages ----------------------------------------------------------- */

/* Read in place; replays do no harm: every number and answer is good once. */
static bool open_message(struct link *l, struct msg *m)
{
	static struct log_limit noise;
	unsigned skipped;
	int err = msg_open(m, &l->session, MSG_RELAY);

	if (!err && !scan_valid(msg_part(m, MSG_CONTENT))) {
		err = -EPROTO;
		m->why = "its content is not JSON";
	}
	if (err && log_allowed(&noise, 10, 10 * USEC_PER_SEC, &skipped))
		log_warning("a message is dropped", log_errno(err),
			    log_str("why", m->why),
			    log_int("others", skipped));
	if (!err) {
		l->heard = mono_usec();
		l->silent_ticks = 0;
	}
	if (!err && log_enabled(LOG_DEBUG))
		log_debug("message in", log_str("type", m->type),
			  log_str("id", m->id));
	return err == 0;
}

static void query_ready(struct watch *w, short events)
{
	struct link *l = container_of(w, struct link, query_watch);
	struct msg m = {0};
	int i;

	(void)events;
	for (i = 0; i < MESSAGES_PER_TURN && l->query; i++) {
		int err = msg_recv(&m, l->query);

		if (err == -EAGAIN)
			break;
		if (!err && open_message(l, &m) &&
		    !requests_answer(&l->requests, &m))
			log_debug("nobody waits for this answer",
				  log_str("type", m.type));
		msg_done(&m);
	}
}

static void events_ready(struct watch *w, short events)
{
	struct link *l = container_of(w, struct link, events_watch);
	struct msg m = {0};
	int i;

	(void)events;
	for (i = 0; i < MESSAGES_PER_TURN && l->events; i++) {
		int err = msg_recv(&m, l->events);

		if (err == -EAGAIN)
			break;
		if (!err && open_message(l, &m) &&
		    strcmp(m.type, MSG_CHANGES) == 0)
			l->on->changes(l, &m);
		msg_done(&m);
	}
}

/* --- opening ------------------------------------------------------------ */

static int connect_to(struct link *l, int type, unsigned port, void **ret)
{
	struct curve curve;
	struct sock how = {.type = type, .curve = &curve, .heartbeat = true};
	int err;

	connfile_curve(&l->file, &curve);
	tunnel_want(l->tunnel, port);
	err = sock_new(l->zmq, &how, ret);
	if (err)
		return err;
	err = sock_connect(*ret, l->file.interface, port);
	if (err)
		sock_close(ret);
	return err;
}

static void watch_socket(struct link *l, struct watch *w, void *socket,
			 void (*ready)(struct watch *w, short events))
{
	*w = (struct watch){
		.ready = ready,
		.socket = socket,
		.events = POLLIN,
	};
	loop_add(l->loop, w);
}

static void monitor_ready(struct watch *w, short events)
{
	struct link *l = container_of(w, struct link, monitor_watch);

	(void)events;
	if (sock_monitor_ended(w->socket) && l->state != LINK_HELLO)
		lost(l, "the connection broke");
}

static bool is_same(const struct connfile *a, const struct connfile *b)
{
	return a->interface && b->interface &&
	       strcmp(a->interface, b->interface) == 0 &&
	       strcmp(a->key, b->key) == 0 &&
	       strcmp(a->curve_serverkey ? a->curve_serverkey : "",
		      b->curve_serverkey ? b->curve_serverkey : "") == 0 &&
	       a->port.registration == b->port.registration;
}

/* Reads the file; *ret_new: it says something new. */
static int load(struct link *l, bool *ret_new)
{
	struct buf why = BUF_INIT;
	struct connfile file;
	int err = l->tunnel ? tunnel_load(l->tunnel, &file, &why)
			    : connfile_load(&file, l->kind, l->path, &why);

	*ret_new = false;
	if (err && l->tunnel) {
		tunnel_look(l->tunnel);
		set_why(l, "%s", buf_str(&why));
	} else if (err) {
		set_why(l, "cannot use the connection file %s: %s", l->path,
			buf_str(&why));
	} else if (is_same(&file, &l->file)) {
		connfile_done(&file);
	} else {
		connfile_done(&l->file);
		l->file = file;
		*ret_new = true;
	}
	buf_done(&why);
	return err;
}

static void on_hello(struct request *q, int err, struct msg *reply);

static int say_hello(struct link *l)
{
	struct json_object *o = json_object_new_object();
	struct json_object *t = json_object_new_object();
	struct msg_out out = {.type = MSG_CONNECTION_REQUEST, .content = o};
	int err;

	json_add_int(t, "version", TASKFS_PROTOCOL);
	json_add(o, "taskfs", t);
	l->hello = (struct request){.done = on_hello};
	l->hello.due = mono_usec() + HELLO_TIMEOUT;
	err = ask(l, &l->hello, &out);
	json_object_put(o);
	return err;
}

static void open_line(struct link *l)
{
	int err = connect_to(l, ZMQ_DEALER, l->file.port.registration,
			     &l->query);

	if (!err)
		err = sock_monitor(l->zmq, l->query, ZMQ_EVENT_DISCONNECTED,
				   &l->monitor);
	if (!err) {
		watch_socket(l, &l->monitor_watch, l->monitor, monitor_ready);
		watch_socket(l, &l->query_watch, l->query, query_ready);
		err = say_hello(l);
	}
	if (err) {
		set_why(l, "cannot connect: %s", strerror(-err));
		close_sockets(l);
		return;
	}
	l->state = LINK_HELLO;
}

static void new_session(struct link *l)
{
	if (l->has_session)
		session_done(&l->session);
	session_init(&l->session, NULL, bytes_str(l->file.key), 0);
	l->session.encrypted = l->file.curve_serverkey != NULL;
	l->has_session = true;
}

static void foreign(struct link *l, const char *why)
{
	l->state = LINK_FOREIGN;
	set_why(l, "%s: the controller %s", l->path, why);
}

/* The controller is one of ipyparallel. */
static void stock(struct link *l)
{
	struct buf why = BUF_INIT;

	if (l->on->stock(l, &why)) {
		l->state = LINK_FOREIGN;
		set_why(l, "%s", buf_str(&why));
	}
	buf_done(&why);
}

void link_redirect(struct link *l, const char *path)
{
	free(l->path);
	l->path = xstrdup(path);
	l->kind = CONNFILE_BRIDGE;
	go_down(l);
	timer_set(l->loop, &l->tick, TICK_DOWN);
}

/* The member "taskfs" of connection_reply. */
struct hello {
	int64_t version, events, since, uptime;
	struct bytes instance, cluster, outputs;
};

static const struct field hello_fields[] = {
	{"version", FIELD_INT, offsetof(struct hello, version), 0},
	{"instance", FIELD_SPAN, offsetof(struct hello, instance), 0},
	{"cluster", FIELD_SPAN, offsetof(struct hello, cluster), 0},
	{"events", FIELD_INT, offsetof(struct hello, events), 0},
	{"outputs", FIELD_SPAN, offsetof(struct hello, outputs), 0},
	{"since", FIELD_INT, offsetof(struct hello, since), 0},
	{"uptime", FIELD_INT, offsetof(struct hello, uptime), 0},
	{.name = NULL},
};

static bool read_hello(struct bytes ours, struct hello *ret_h)
{
	struct bytes instance, cluster;

	*ret_h = (struct hello){0};
	if (!scan_fields(ours, hello_fields, ret_h) ||
	    !scan_plain(ret_h->instance, &instance) ||
	    !scan_plain(ret_h->cluster, &cluster))
		return false;
	ret_h->instance = instance;
	ret_h->cluster = cluster;
	return ret_h->version == TASKFS_PROTOCOL && ret_h->events >= 1 &&
	       ret_h->events <= 65535 && instance.n &&
	       instance.n < sizeof(((struct link *)0)->instance) &&
	       cluster.n < sizeof(((struct link *)0)->cluster);
}

/* Those of the last controller stay until there is another one. */
static void find_outputs(struct link *l, const struct hello *h)
{
	char *path = h->outputs.p ? scan_text(h->outputs) : NULL;
	int dir = path ? nearby_open(path, l->instance) : -ENOENT;

	if (l->nearby > 0)
		close(l->nearby);
	l->nearby = dir > 0 ? dir : 0;
	free(path);
}

static void go_up(struct link *l, const struct hello *h)
{
	snprintf(l->instance, sizeof(l->instance), "%.*s",
		 (int)h->instance.n, (const char *)h->instance.p);
	snprintf(l->cluster, sizeof(l->cluster), "%.*s", (int)h->cluster.n,
		 (const char *)h->cluster.p);
	find_outputs(l, h);
	l->started = h->since;
	l->born = steady_usec() - h->uptime;
	if (connect_to(l, ZMQ_SUB, (unsigned)h->events, &l->events)) {
		lost(l, "cannot connect to the events");
		return;
	}
	watch_socket(l, &l->events_watch, l->events, events_ready);
	l->state = LINK_UP;
	l->connects++;
	l->heard = mono_usec();
	l->silent_ticks = 0;
	buf_clear(&l->why);
	log_info("connected", log_str("instance", l->instance),
		 log_str("interface", l->file.interface),
		 log_int("port", l->file.port.registration));
	l->on->up(l);
	if (l->state == LINK_UP)
		requests_repeat(&l->requests);
}

static void on_hello(struct request *q, int err, struct msg *reply)
{
	struct link *l = container_of(q, struct link, hello);
	static const struct field fields[] = {
		{"taskfs", FIELD_SPAN, 0, 0},
		{.name = NULL},
	};
	struct bytes ours = {0};
	struct hello h;

	if (!err)
		(void)scan_fields(request_content(reply), fields, &ours);
	if (err == -EHOSTDOWN) {
		no_answer(l);
		go_down(l);
	} else if (err) {
		foreign(l, "refuses clients");
	} else if (!ours.p) {
		stock(l);
	} else if (!read_hello(ours, &h)) {
		foreign(l, "speaks another version of the protocol");
	} else {
		go_up(l, &h);
	}
}

/* --- time --------------------------------------------------------------- */

/* A controller of another kind is asked now and then whether it still is. */
static bool stale_foreign(const struct link *l)
{
	return l->state == LINK_FOREIGN &&
	       mono_usec() - l->heard > 5 * USEC_PER_SEC;
}

static void try_again(struct link *l)
{
	bool fresh;
	int err = load(l, &fresh);

	if (err) {
		if (l->state != LINK_DOWN)
			go_down(l);
		return;
	}
	if (fresh)
		new_session(l);
	if (fresh || stale_foreign(l))
		go_down(l);
	if (l->state == LINK_DOWN)
		open_line(l);
	else if (l->state == LINK_HELLO && l->why.n == 0)
		no_answer(l);
}

/* Ticks are counted, and not the time: this process may have stood still. */
static bool is_silent(struct link *l)
{
	return ++l->silent_ticks > LINK_SILENCE / TICK_UP;
}

static void tick(struct timer *t)
{
	struct link *l = container_of(t, struct link, tick);
	uint64_t now = mono_usec();

	requests_expire(&l->requests, now);
	if (l->state == LINK_UP && is_silent(l))
		lost(l, "it is silent");
	if (l->state != LINK_UP)
		try_again(l);
	timer_set(l->loop, &l->tick,
		  l->state == LINK_UP ? TICK_UP : TICK_DOWN);
}

void link_init(struct link *l, struct loop *loop, void *zmq, const char *path,
	       const struct link_events *on)
{
	*l = (struct link){
		.loop = loop,
		.zmq = zmq,
		.path = xstrdup(path),
		.on = on,
		.tick.fire = tick,
	};
	requests_init(&l->requests);
}

void link_start(struct link *l)
{
	tick(&l->tick);
}

void link_done(struct link *l)
{
	timer_cancel(&l->tick);
	close_sockets(l);
	requests_done(&l->requests);
	connfile_done(&l->file);
	if (l->has_session)
		session_done(&l->session);
	buf_done(&l->why);
	if (l->nearby > 0)
		close(l->nearby);
	l->nearby = 0;
	free(l->path);
}
