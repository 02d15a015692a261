#include "base/base.h"
#include "upstream.h"

#include "base/log.h"
#include "base/parse.h"
#include "call.h"
#include "events.h"
#include "foreign.h"
#include "orders.h"
#include "run.h"
#include "sched.h"
#include "vars.h"

#define TICK_DOWN (250 * USEC_PER_MSEC)
#define TICK_UP USEC_PER_SEC
#define HELLO_TIMEOUT (5 * USEC_PER_SEC)
/* Who came and went is asked for, whatever the notifications said. */
#define HELLO_EVERY (5 * USEC_PER_SEC)
#define SILENCE (20 * USEC_PER_SEC)
/* Engines of an upstream that is away so long are gone, too. */
#define GONE (300 * USEC_PER_SEC)
#define LIMIT_QUESTIONS 10000
#define MESSAGES_PER_TURN 256
/* Messages of iopub that wait here; more wait with the upstream. */
#define IOPUB_HWM 10000

enum part { U_QUERY, U_NOTIFICATION, U_MUX, U_CONTROL, U_IOPUB, U_PARTS };

struct line_socket {
	void *socket;
	struct watch watch;
	struct upstream *u;
};

struct question {
	struct list link;
	char msg_id[MSG_ID_SIZE];
	void (*done)(struct controller *c, struct msg *reply, uint64_t arg);
	uint64_t arg, due;
};

struct upstream {
	struct controller *c;
	struct connfile file;
	struct session session;
	bool has_session;
	struct line_socket part[U_PARTS];
	void *monitor;
	struct watch monitor_watch;
	unsigned opened;
	bool up, asked;		/* sockets are there; hello was said */
	uint64_t hello_at, heard, down_since;
	struct timer tick;
	struct buf why;		/* not up: why */
	struct list questions;
	size_t nquestions;
};

static void say_hello(struct upstream *u);

struct session *upstream_session(struct controller *c)
{
	return &c->upstream->session;
}

bool upstream_is_up(const struct controller *c)
{
	return c->upstream && c->upstream->up;
}

/* --- what is known of it ------------------------------------------------ */

struct json_object *upstream_json(const struct controller *c)
{
	struct upstream *u = c->upstream;
	struct json_object *o = json_object_new_object();
	char url[300] = "";

	if (u->file.interface)
		snprintf(url, sizeof(url), "%s:%u", u->file.interface,
			 u->file.port.registration);
	json_add_str(o, "url", url);
	json_add_str(o, "state",
		     u->up ? "connected"
			   : u->why.n ? buf_str(&u->why) : "not asked yet");
	return o;
}

static void tell(struct upstream *u)
{
	struct json_object *v = json_object_new_object();

	json_add(v, "controller", controller_json(u->c, false));
	events_add(u->c, v);
}

static void set_why(struct upstream *u, const char *fmt, ...)
	printf_like(2, 3);

static void set_why(struct upstream *u, const char *fmt, ...)
{
	struct buf now = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&now, fmt, ap);
	va_end(ap);
	if (!bytes_eq(buf_bytes(&now), buf_bytes(&u->why))) {
		log_info("no upstream controller",
			 log_bytes("why", buf_bytes(&now)));
		buf_done(&u->why);
		u->why = now;
		tell(u);
		return;
	}
	buf_done(&now);
}

/* --- questions ---------------------------------------------------------- */

static void answer(struct upstream *u, struct question *q, struct msg *reply)
{
	list_del(&q->link);
	u->nquestions--;
	q->done(u->c, reply, q->arg);
	free(q);
}

static void lose_questions(struct upstream *u, uint64_t due_before)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &u->questions) {
		struct question *q = list_entry(l, struct question, link);

		if (q->due < due_before)
			answer(u, q, NULL);
	}
}

int upstream_ask(struct controller *c, const char *type,
		 struct json_object *content,
		 void (*done)(struct controller *c, struct msg *reply,
			      uint64_t arg),
		 uint64_t arg)
{
	struct upstream *u = c->upstream;
	struct msg_out out = {.type = type, .content = content};
	struct question *q;
	int err = -EHOSTUNREACH;

	if (!u->part[U_QUERY].socket || u->nquestions >= LIMIT_QUESTIONS) {
		json_object_put(content);
		return err;
	}
	q = zalloc(sizeof(*q));
	session_msg_id(&u->session, q->msg_id);
	out.msg_id = q->msg_id;
	err = msg_send(u->part[U_QUERY].socket, &u->session, &out);
	json_object_put(content);
	if (err) {
		free(q);
		return err;
	}
	q->done = done;
	q->arg = arg;
	q->due = mono_usec() + SILENCE;
	list_add_tail(&u->questions, &q->link);
	u->nquestions++;
	return 0;
}

static void on_query(struct upstream *u, struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct list *l;

	list_for_each(l, &u->questions) {
		struct question *q = list_entry(l, struct question, link);

		if (id && strcmp(q->msg_id, id) == 0) {
			answer(u, q, m);
			return;
		}
	}
}

/* --- the line ----------------------------------------------------------- */

int upstream_send(struct controller *c, enum line line,
		  const struct msg_out *out)
{
	static const enum part of[] = {
		[LINE_TASK] = U_MUX,
		[LINE_CONTROL] = U_CONTROL,
	};
	struct upstream *u = c->upstream;

	if (!u->up)
		return -EHOSTUNREACH;
	return msg_send(u->part[of[line]].socket, &u->session, out);
}

static void close_sockets(struct upstream *u)
{
	int i;

	loop_remove(&u->monitor_watch);
	if (u->part[U_QUERY].socket)
		zmq_socket_monitor(u->part[U_QUERY].socket, NULL, 0);
	sock_close(&u->monitor);
	for (i = 0; i < U_PARTS; i++) {
		loop_remove(&u->part[i].watch);
		sock_close(&u->part[i].socket);
	}
}

/* Their replies go to sockets that are closed: the hub is asked for them. */
static void lose_replies(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->runs, &it)) {
		struct run *run = it.value;

		if (run->phase == RUN_SENT)
			run->restored = true;
	}
}

static void go_down(struct upstream *u)
{
	struct map_iter it = {0};

	if (u->up)
		u->down_since = mono_usec();
	u->up = u->asked = false;
	close_sockets(u);
	lose_questions(u, UINT64_MAX);
	lose_replies(u->c);
	while (map_next(&u->c->engines, &it)) {
		struct engine *e = it.value;

		e->state = ENGINE_LOST;
		engine_changed(e);
	}
	timer_set(u->c->loop, &u->tick, TICK_DOWN);
}

static void no_answer(struct upstream *u)
{
	set_why(u, "no answer from the ipyparallel controller at %s:%u",
		u->file.interface, u->file.port.registration);
}

static void remove_all(struct upstream *u, const char *why)
{
	while (!list_empty(&u->c->engine_order))
		engine_remove(list_first(&u->c->engine_order, struct engine,
					 order),
			      why);
	reclaim_end_orphans(u->c, why);
}

/* --- engines ------------------------------------------------------------ */

static void remove_absent(struct upstream *u, struct json_object *engines)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &u->c->engine_order) {
		struct engine *e = list_entry(l, struct engine, order);
		char id[24];
		const char *uuid;

		snprintf(id, sizeof(id), "%lld", (long long)e->id);
		uuid = json_get_str(engines, id, NULL);
		if (!uuid || strcmp(uuid, e->uuid) != 0)
			engine_remove(e, "gone from the upstream controller");
	}
}

static void adopt(struct upstream *u, const char *id, const char *uuid)
{
	uint64_t n;

	if (uuid && !parse_u64(bytes_str(id), 0, INT32_MAX, &n))
		engine_adopt(u->c, (int64_t)n, uuid);
}

static void take_engines(struct upstream *u, struct json_object *engines)
{
	if (reclaim_is_done(u->c))
		remove_absent(u, engines);
	json_object_object_foreach(engines, id, v) {
		if (json_object_is_type(v, json_type_string))
			adopt(u, id, json_object_get_string(v));
	}
}

static void on_hello(struct controller *c, struct msg *reply, uint64_t arg)
{
	struct upstream *u = c->upstream;
	const char *status = reply ? json_get_str(reply->content, "status",
						  NULL) : NULL;
	struct json_object *engines = reply ? json_get_object(reply->content,
							      "engines")
					    : NULL;

	bool was_up = u->up;

	(void)arg;
	u->asked = false;
	if (!engines || !status || strcmp(status, "ok") != 0)
		return;
	if (!u->up) {
		u->up = true;
		buf_clear(&u->why);
		log_info("connected to the upstream controller",
			 log_str("interface", u->file.interface),
			 log_int("port", u->file.port.registration));
		tell(u);
		reclaim_begin(c);
	}
	take_engines(u, engines);
	if (!was_up)
		others_begin(c);
	sched_kick(c);
}

static void say_hello(struct upstream *u)
{
	u->hello_at = mono_usec();
	u->asked = upstream_ask(u->c, MSG_CONNECTION_REQUEST,
				json_object_new_object(), on_hello, 0) == 0;
}

void upstream_hello(struct controller *c)
{
	if (!c->upstream->asked)
		say_hello(c->upstream);
}

static void on_notification(struct upstream *u, struct msg *m)
{
	int64_t id = json_int_or(m->content, "id", -1);
	const char *uuid = json_get_str(m->content, "uuid", NULL);
	struct engine *e = uuid ? engine_by_uuid(u->c, bytes_str(uuid)) : NULL;

	if (strcmp(m->type, MSG_REGISTRATION_NOTIFICATION) == 0 && uuid &&
	    id >= 0 && id <= INT32_MAX)
		engine_adopt(u->c, id, uuid);
	else if (strcmp(m->type, MSG_UNREGISTRATION_NOTIFICATION) == 0 && e)
		engine_remove(e, "gone from the upstream controller");
	else if (strcmp(m->type, MSG_SHUTDOWN_NOTIFICATION) == 0)
		set_why(u, "the ipyparallel controller was shut down");
}

/* --- what engines say --------------------------------------------------- */

static struct engine *from(struct upstream *u, struct msg *m)
{
	struct engine *e = engine_by_uuid(u->c, msg_ident(m, 0));

	if (e)
		e->heard = now_usec();
	return e;
}

static void on_mux(struct upstream *u, struct msg *m)
{
	struct engine *e = from(u, m);

	if (e && !foreign_on_reply(e, m))
		run_on_reply(u->c, e, m);
}

static void on_control(struct upstream *u, struct msg *m)
{
	struct engine *e = from(u, m);

	if (!e || foreign_on_reply(e, m))
		return;
	orders_on_reply(u->c, m);
	vars_on_reply(u->c, m);
}

static void on_iopub(struct upstream *u, struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct engine *e = foreign_publisher(u->c, m);
	struct run *run = run_find(u->c, id);

	if (!e)
		return;
	e->heard = now_usec();
	if (run && (!run->restored || run->other))
		call_on_iopub(run, m);
	if (run && run->restored)
		reclaim_on_iopub(run, m);
	/* Of one that was given up the engine still says the end. */
	if ((run && !run->other && run->phase != RUN_ENDING) ||
	    foreign_on_iopub(e, m))
		return;
	foreign_note_other(e, m);
	others_note(u->c, m);
}

static const struct part_row {
	int type;
	size_t port;	/* offsetof() in struct ports */
	void (*on_message)(struct upstream *u, struct msg *m);
} rows[U_PARTS] = {
	[U_QUERY] = {ZMQ_DEALER, offsetof(struct ports, registration),
		     on_query},
	[U_NOTIFICATION] = {ZMQ_SUB, offsetof(struct ports, notification),
			    on_notification},
	[U_MUX] = {ZMQ_DEALER, offsetof(struct ports, mux), on_mux},
	[U_CONTROL] = {ZMQ_DEALER, offsetof(struct ports, control),
		       on_control},
	[U_IOPUB] = {ZMQ_SUB, offsetof(struct ports, iopub), on_iopub},
};

static void take(struct upstream *u, enum part i, struct msg *m)
{
	static struct log_limit noise;
	unsigned skipped;
	int err = msg_open(m, &u->session, MSG_READ);

	if (err) {
		if (log_allowed(&noise, 5, 10 * USEC_PER_SEC, &skipped))
			log_warning("a message of the upstream was dropped",
				    log_errno(err),
				    log_int("not_logged", skipped));
		return;
	}
	u->heard = mono_usec();
	if (log_enabled(LOG_DEBUG))
		log_debug("from the upstream", log_str("type", m->type),
			  log_str("id", m->id));
	rows[i].on_message(u, m);
}

static void ready(struct watch *w, short events)
{
	struct line_socket *s = container_of(w, struct line_socket, watch);
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
}

/* --- opening ------------------------------------------------------------ */

static void set_heartbeat(void *socket)
{
	int every = 1000, patience = 5000;

	zmq_setsockopt(socket, ZMQ_HEARTBEAT_IVL, &every, sizeof(every));
	zmq_setsockopt(socket, ZMQ_HEARTBEAT_TIMEOUT, &patience,
		       sizeof(patience));
}

static int open_part(struct upstream *u, enum part i, const struct curve *curve)
{
	struct line_socket *s = &u->part[i];
	unsigned port;
	struct sock how = {
		.type = rows[i].type,
		.curve = curve,
		.recv_hwm = i == U_IOPUB ? IOPUB_HWM : 0,
	};
	int err = sock_new(u->c->zmq, &how, &s->socket);

	if (err)
		return err;
	memcpy(&port, (char *)&u->file.port + rows[i].port, sizeof(port));
	set_heartbeat(s->socket);
	err = sock_connect(s->socket, u->file.interface, port);
	if (err)
		return err;
	s->u = u;
	s->watch = (struct watch){
		.socket = s->socket,
		.events = POLLIN,
		.ready = ready,
	};
	loop_add(u->c->loop, &s->watch);
	return 0;
}

static void monitor_ready(struct watch *w, short events)
{
	struct upstream *u = container_of(w, struct upstream, monitor_watch);
	bool gone = false;
	struct msg m = {0};

	(void)events;
	while (u->monitor && msg_recv(&m, u->monitor) == 0) {
		struct bytes b = msg_frame(&m, 0);
		uint16_t event = 0;

		if (b.n >= sizeof(event))
			memcpy(&event, b.p, sizeof(event));
		gone |= (event & ZMQ_EVENT_DISCONNECTED) != 0;
		msg_done(&m);
	}
	if (!gone || !u->up)
		return;
	go_down(u);
	no_answer(u);
}

static int open_monitor(struct upstream *u)
{
	struct sock how = {.type = ZMQ_PAIR};
	char at[64];
	int err;

	snprintf(at, sizeof(at), "inproc://taskfs-upstream-%u", u->opened++);
	if (zmq_socket_monitor(u->part[U_QUERY].socket, at,
			       ZMQ_EVENT_DISCONNECTED) < 0)
		return -errno;
	err = sock_new(u->c->zmq, &how, &u->monitor);
	if (err)
		return err;
	if (zmq_connect(u->monitor, at) < 0)
		return -errno;
	u->monitor_watch = (struct watch){
		.ready = monitor_ready,
		.socket = u->monitor,
		.events = POLLIN,
	};
	loop_add(u->c->loop, &u->monitor_watch);
	return 0;
}

static int load(struct upstream *u)
{
	const char *path = u->c->config.upstream;
	struct buf why = BUF_INIT;
	struct connfile file;
	int err = connfile_load(&file, CONNFILE_CLIENT, path, &why);

	if (err) {
		set_why(u, "cannot use the connection file %s: %s", path,
			buf_str(&why));
	} else {
		connfile_done(&u->file);
		u->file = file;
		if (u->has_session)
			session_done(&u->session);
		session_init(&u->session, NULL, bytes_str(file.key),
			     LIMIT_REPLAY);
		u->has_session = true;
	}
	buf_done(&why);
	return err;
}

static void open_line(struct upstream *u)
{
	struct curve curve;
	int i, err = connfile_curve(&u->file, &curve);

	for (i = 0; i < U_PARTS && !err; i++)
		err = open_part(u, (enum part)i, &curve);
	if (!err)
		err = open_monitor(u);
	if (err) {
		set_why(u, "cannot connect: %s", strerror(-err));
		close_sockets(u);
		return;
	}
	u->heard = mono_usec();
	say_hello(u);
}

/* --- time --------------------------------------------------------------- */

/* A controller that ends properly takes its file away. */
static void forget_engines(struct upstream *u)
{
	if (!reclaim_is_done(u->c))
		return;
	if (access(u->c->config.upstream, F_OK) < 0)
		remove_all(u, "the upstream controller ended");
	else if (u->down_since && mono_usec() - u->down_since > GONE)
		remove_all(u, "the upstream controller is away for too long");
}

static void tick_down(struct upstream *u)
{
	uint64_t waited = mono_usec() - u->hello_at;

	forget_engines(u);
	if (u->part[U_QUERY].socket && waited < HELLO_TIMEOUT) {
		if (waited > USEC_PER_SEC)
			no_answer(u);
		return;
	}
	if (u->part[U_QUERY].socket)
		go_down(u);
	if (load(u) == 0)
		open_line(u);
}

static void tick_up(struct upstream *u)
{
	uint64_t now = mono_usec();

	if (now - u->heard > SILENCE) {
		go_down(u);
		no_answer(u);
	} else if (!u->asked && now - u->hello_at > HELLO_EVERY) {
		say_hello(u);
	}
}

static void tick(struct timer *t)
{
	struct upstream *u = container_of(t, struct upstream, tick);

	lose_questions(u, mono_usec());
	if (u->up)
		tick_up(u);
	else
		tick_down(u);
	timer_set(u->c->loop, t, u->up ? TICK_UP : TICK_DOWN);
}

void upstream_open(struct controller *c)
{
	struct upstream *u = zalloc(sizeof(*u));

	u->c = c;
	u->tick.fire = tick;
	u->down_since = mono_usec();
	list_init(&u->questions);
	c->upstream = u;
	tick(&u->tick);
}

void upstream_close(struct controller *c)
{
	struct upstream *u = c->upstream;

	if (!u)
		return;
	timer_cancel(&u->tick);
	close_sockets(u);
	while (!list_empty(&u->questions)) {
		struct question *q =
			list_first(&u->questions, struct question, link);

		list_del(&q->link);
		free(q);
	}
	connfile_done(&u->file);
	if (u->has_session)
		session_done(&u->session);
	buf_done(&u->why);
	free(u);
	c->upstream = NULL;
}
