#include "base/base.h"
#include "upstream.h"

#include "ask.h"
#include "base/log.h"
#include "base/parse.h"
#include "engines/answer.h"
#include "engines/orders.h"
#include "engines/ours.h"
#include "engines/presence.h"
#include "ipython/call.h"
#include "ipython/foreign.h"
#include "ipython/output.h"
#include "ipython/stop.h"
#include "mounts/controller_json.h"
#include "mounts/engine_json.h"
#include "mounts/events.h"
#include "others.h"
#include "reclaim.h"
#include "schedule/run.h"
#include "schedule/sched.h"
#include "upstream_parts.h"
#include "vars/forward.h"
#include "vars/vars.h"

#define TICK_DOWN (250 * USEC_PER_MSEC)
#define TICK_UP USEC_PER_SEC
#define HELLO_TIMEOUT (5 * USEC_PER_SEC)
/* Who came and went is asked for, whatever the notifications said. */
#define HELLO_EVERY (5 * USEC_PER_SEC)
#define SILENCE (20 * USEC_PER_SEC)
/* Engines of an upstream that is away so long are gone, too. */
#define GONE (300 * USEC_PER_SEC)

static void say_hello(struct upstream *u);

bool upstream_is_up(const struct controller *c)
{
	return c->upstream->up;
}

/* --- what is known of it ------------------------------------------------ */

static struct json_object *upstream_json(const struct controller *c)
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

static void tell_mounts(struct upstream *u)
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
		tell_mounts(u);
		return;
	}
	buf_done(&now);
}

/* --- the line ----------------------------------------------------------- */

static int send_to(struct controller *c, enum engine_line line,
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

/* Their replies go to sockets that are closed: the hub is asked for them. */
static void lose_replies(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->runs->by_msg_id, &it)) {
		struct run *run = it.value;

		if (run->phase != RUN_SENT)
			continue;
		run_note(run, SIGN_CUT);
		reclaim_again(run);
	}
}

static void go_down(struct upstream *u)
{
	struct map_iter it = {0};

	if (u->up)
		u->down_since = mono_usec();
	u->up = u->asked = false;
	upstream_sockets_close(u);
	upstream_lose_questions(u, UINT64_MAX);
	lose_replies(u->c);
	while (map_next(&u->c->engines->by_id, &it)) {
		struct engine *e = it.value;

		e->state = ENGINE_LOST;
		vars_engine_gone(e);
		engine_changed(e);
	}
	timer_set(u->c->loop, &u->tick, TICK_DOWN);
}

static void no_answer(struct upstream *u)
{
	set_why(u, "no answer from the ipyparallel controller at %s:%u",
		u->file.interface, u->file.port.registration);
}

void upstream_broke(struct upstream *u)
{
	if (!u->up)
		return;
	go_down(u);
	no_answer(u);
}

static void remove_all(struct upstream *u, const char *why)
{
	while (!list_empty(&u->c->engines->order))
		engine_remove(list_first(&u->c->engines->order, struct engine,
					 order),
			      why);
	reclaim_end_orphans(u->c, why);
}

/* --- engines ------------------------------------------------------------ */

static void remove_absent(struct upstream *u, struct json_object *engines)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &u->c->engines->order) {
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

/*
 * The answer and the notifications come by two sockets: an engine of a newer
 * notification is not absent.
 */
static void take_engines(struct upstream *u, struct json_object *engines)
{
	if (!u->stale && reclaim_is_done(u->c))
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
		reclaim_begin(c);
	}
	if (!u->stale || !was_up)
		take_engines(u, engines);
	if (u->stale)
		say_hello(u);
	if (!was_up) {
		/* Who hears that it is connected knows its engines. */
		engines_tell(c);
		tell_mounts(u);
		others_begin(c);
	}
	sched_kick(c);
}

static void say_hello(struct upstream *u)
{
	u->hello_at = mono_usec();
	u->stale = false;
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

	u->stale = true;
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
		answer_on_reply(e, m);
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
	if (run && (run->trace != RUN_RESTORED || run->ops->of_client))
		call_on_iopub(run, m);
	if (run && run->trace == RUN_RESTORED)
		reclaim_on_iopub(run, m);
	/* Of one that was given up the engine still says the end. */
	if ((run && !run->ops->of_client && run->phase != RUN_ENDING) ||
	    foreign_on_iopub(e, m))
		return;
	foreign_note_other(e, m);
	others_note(u->c, m);
}

const struct upstream_part upstream_parts[U_PARTS] = {
	[U_QUERY] = {ZMQ_DEALER, offsetof(struct ports, registration),
		     upstream_on_answer},
	[U_NOTIFICATION] = {ZMQ_SUB, offsetof(struct ports, notification),
			    on_notification},
	[U_MUX] = {ZMQ_DEALER, offsetof(struct ports, mux), on_mux},
	[U_CONTROL] = {ZMQ_DEALER, offsetof(struct ports, control),
		       on_control},
	[U_IOPUB] = {ZMQ_SUB, offsetof(struct ports, iopub), on_iopub},
};

/* --- opening ------------------------------------------------------------ */

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
		u->session.encrypted = file.curve_serverkey != NULL;
		u->has_session = true;
	}
	buf_done(&why);
	return err;
}

static void open_line(struct upstream *u)
{
	int err = upstream_sockets_open(u);

	if (err) {
		set_why(u, "cannot connect: %s", strerror(-err));
		upstream_sockets_close(u);
		return;
	}
	u->heard = mono_usec();
	say_hello(u);
}

/* --- time --------------------------------------------------------------- */

/* NULL: it is there, or may come back. */
static const char *why_gone(const struct upstream *u)
{
	if (u->up)
		return NULL;
	/* A controller that ends properly takes its file away. */
	if (access(u->c->config.upstream, F_OK) < 0)
		return "the upstream controller ended";
	if (mono_usec() - u->down_since > GONE)
		return "the upstream controller is away for too long";
	return NULL;
}

static bool is_gone(const struct controller *c)
{
	return why_gone(c->upstream) != NULL;
}

static const char *is_away(const struct controller *c)
{
	return c->upstream->up ? NULL
			       : "the ipyparallel controller: it is away, "
				 "controller/state says why";
}

static struct session *session(struct controller *c)
{
	return &c->upstream->session;
}

/* --- tasks of mounts on its engines --------------------------------------- */

static void engine_gone(struct run *run)
{
	struct engine *e = run->engine;
	struct buf why = BUF_INIT;

	if (call_ends_with_reply(run) || reclaim_orphan(run))
		return;
	if (is_gone(e->c))
		buf_printf(&why,
			   "ipyparallel's controller ended while engine %lld "
			   "ran the task, which may go on there",
			   (long long)e->id);
	else
		ours_put_gone(e, &why);
	run_end_with_engine(run, buf_str(&why));
	buf_done(&why);
}

static void free_run(struct run *run)
{
	call_free(run);
	reclaim_free(run);
}

static const struct run_ops run_ops_upstream = {
	.refusal = call_refusal,
	.send = call_send,
	.abort = call_abort,
	.signal = call_signal,
	.on_reply = call_on_reply,
	.engine_gone = engine_gone,
	.forgotten = reclaim_run,
	.free = free_run,
};

static int cannot_abort(struct run *run)
{
	(void)run;
	return -EOPNOTSUPP;
}

static int cannot_signal(struct run *run, int signo)
{
	(void)run;
	(void)signo;
	return -EOPNOTSUPP;
}

/* Another client's on the upstream is there to be looked at. */
const struct run_ops run_ops_others = {
	.of_client = true,
	.abort = cannot_abort,
	.signal = cannot_signal,
	.on_reply = call_on_reply,
	.engine_gone = engine_gone,
	.forgotten = reclaim_run,
	.free = free_run,
};

const struct carrier carrier_upstream = {
	.send = send_to,
	.session = session,
	.run_ops = &run_ops_upstream,
	.is_gone = is_gone,
	.is_away = is_away,
	.json = upstream_json,
};

static void forget_engines(struct upstream *u)
{
	const char *why = why_gone(u);

	if (why && reclaim_is_done(u->c))
		remove_all(u, why);
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
		upstream_broke(u);
	} else if (!u->asked && now - u->hello_at > HELLO_EVERY) {
		say_hello(u);
	}
}

static void tick(struct timer *t)
{
	struct upstream *u = container_of(t, struct upstream, tick);

	upstream_lose_questions(u, mono_usec());
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
	others_open(c);
	tick(&u->tick);
}

void upstream_close(struct controller *c)
{
	struct upstream *u = c->upstream;

	if (!u)
		return;
	timer_cancel(&u->tick);
	upstream_sockets_close(u);
	upstream_drop_questions(u);
	connfile_done(&u->file);
	if (u->has_session)
		session_done(&u->session);
	buf_done(&u->why);
	free(u);
	c->upstream = NULL;
}
