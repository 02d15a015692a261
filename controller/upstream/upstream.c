#include "base/base.h"
#include "upstream.h"

#include "base/log.h"
#include "engines/errands.h"
#include "execute/answer.h"
#include "ipython/foreign.h"
#include "ipython/output.h"
#include "members.h"
#include "others.h"
#include "reclaim.h"
#include "runs.h"
#include "shown.h"
#include "vars/requests.h"
#include "vars/vars.h"

#define TICK_DOWN (250 * USEC_PER_MSEC)
#define TICK_UP USEC_PER_SEC
#define HELLO_TIMEOUT (5 * USEC_PER_SEC)
/* So often it is asked which engines there are, whatever the notifications said. */
#define HELLO_EVERY (5 * USEC_PER_SEC)
#define SILENCE (20 * USEC_PER_SEC)
/* Engines of an upstream that is away so long are gone, too. */
#define GONE (300 * USEC_PER_SEC)

/* --- the line ----------------------------------------------------------- */

static int send_to(struct engine *e, enum engine_line line,
		   const struct msg_out *out)
{
	static const enum part of[] = {
		[LINE_TASK] = U_MUX,
		[LINE_CONTROL] = U_CONTROL,
	};
	struct upstream *u = e->c->upstream;

	if (!u->up)
		return -EHOSTUNREACH;
	return msg_send(u->part[of[line]].socket, &u->session, out);
}

static void go_down(struct upstream *u)
{
	struct map_iter it = {0};

	if (u->up)
		u->down_since = mono_usec();
	u->up = u->asked = false;
	upstream_sockets_close(u);
	upstream_lose_questions(u, UINT64_MAX);
	upstream_runs_cut(u->c);
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
	upstream_set_why(u,
			 "no answer from the ipyparallel controller at %s:%u",
			 u->file.interface, u->file.port.registration);
}

static void broke(struct upstream *u)
{
	if (!u->up)
		return;
	go_down(u);
	no_answer(u);
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
	if (run && (run->trace != RUN_RESTORED || run->ops->is_watched))
		call_on_iopub(run, m);
	if (run && run->trace == RUN_RESTORED)
		reclaim_on_iopub(run, m);
	/* Of a task that was given up the engine still publishes the end. */
	if ((run && !run->ops->is_watched && run->phase != RUN_ENDING) ||
	    foreign_on_iopub(e, m))
		return;
	foreign_note_other(e, m);
	others_note(u->c, m);
}

static const struct upstream_part rows[U_PARTS] = {
	[U_QUERY] = {ZMQ_DEALER, offsetof(struct ports, registration),
		     upstream_on_answer},
	[U_NOTIFICATION] = {ZMQ_SUB, offsetof(struct ports, notification),
			    members_on_notification},
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
		upstream_set_why(u, "cannot use the connection file %s: %s",
				 path, buf_str(&why));
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
		upstream_set_why(u, "cannot connect: %s", strerror(-err));
		upstream_sockets_close(u);
		return;
	}
	u->heard = mono_usec();
	members_say_hello(u);
}

/* --- time --------------------------------------------------------------- */

/* Why the upstream controller is gone for good; NULL: it is there, or may come back. */
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
		members_remove_all(u, why);
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
		broke(u);
	} else if (!u->asked && now - u->hello_at > HELLO_EVERY) {
		members_say_hello(u);
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
	u->row = rows;
	u->broke = broke;
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
