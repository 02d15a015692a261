#include "base/base.h"
#include "engines.h"

#include "address.h"
#include "base/log.h"
#include "base/parse.h"
#include "drain.h"
#include "events.h"
#include "notify.h"
#include "foreign.h"
#include "orders.h"
#include "query.h"
#include "run.h"
#include "sched.h"
#include "vars.h"

/* ipyparallel's: dead at the 11th beat in a row that is not answered. */
#define MISSES 10
/* And its time to begin with it. */
#define JOINING (30 * USEC_PER_SEC)
/* A new engine is asked at once, and again after this (doubling), whether its
 * heart is connected: nobody has to wait for the next beat. */
#define PROBE (10 * USEC_PER_MSEC)
/* Changes of engines are told this often at most. */
#define TELL_EVERY (20 * USEC_PER_MSEC)
#define LIMIT_UUID 255
#define LIMIT_ENGINE_ID 1000000 /* that an engine may ask for */

struct engine *engine_find(struct controller *c, int64_t id)
{
	return map_get_u64(&c->engines, (uint64_t)id);
}

struct engine *engine_by_uuid(struct controller *c, struct bytes uuid)
{
	return map_get(&c->by_uuid, uuid);
}

bool engine_usable(const struct engine *e)
{
	return e->state == ENGINE_LIVE && !e->draining &&
	       (!e->not_before || e->not_before <= mono_usec());
}

/* --- JSON --------------------------------------------------------------- */

static const char *state_word(const struct engine *e)
{
	if (e->state == ENGINE_LOST || e->missed > 1)
		return "lost";
	if (e->draining)
		return "draining";
	return e->load || foreign_is_elsewhere(e) ? "busy" : "idle";
}

static struct json_object *running_json(const struct engine *e)
{
	struct json_object *a = json_object_new_array();
	struct list *l;

	list_for_each(l, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);
		struct result *r = result_find(e->c, run->result);
		char name[64];

		if (!r || run->phase != RUN_SENT)
			continue;
		if (r->ntasks > 1)
			snprintf(name, sizeof(name), "%llu/%u",
				 (unsigned long long)r->id, run->index);
		else
			snprintf(name, sizeof(name), "%llu",
				 (unsigned long long)r->id);
		json_push(a, json_object_new_string(name));
	}
	return a;
}

struct json_object *engine_json(const struct engine *e)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "id", e->id);
	json_add_str(o, "uuid", e->uuid);
	json_add_str(o, "state", state_word(e));
	json_add_str(o, "host", e->host);
	json_add_int(o, "pid", e->pid);
	json_add_str(o, "language",
		     e->language || e->taskfs ? e->language : "python");
	json_add_int(o, "since", e->since);
	json_add_int(o, "heartbeat", e->heard);
	json_add_int(o, "queue", e->load);
	json_add(o, "running", running_json(e));
	json_add_int(o, "completed", (int64_t)e->completed);
	return o;
}

/* An engine is busy and idle thousands of times a second: not all is news. */
static void tell_soon(struct controller *c)
{
	uint64_t since = mono_usec() - c->engines_told;

	if (timer_is_set(&c->engines_timer))
		return;
	if (since >= TELL_EVERY)
		loop_defer(c->loop, &c->engines_work);
	else
		timer_set(c->loop, &c->engines_timer, TELL_EVERY - since);
}

static void tell_now(struct timer *t)
{
	struct controller *c = container_of(t, struct controller, engines_timer);

	loop_defer(c->loop, &c->engines_work);
}

void engine_changed(struct engine *e)
{
	if (e->state == ENGINE_JOINING)
		return;
	e->changed = true;
	tell_soon(e->c);
}

static void tell_changes(struct work *w)
{
	struct controller *c = container_of(w, struct controller, engines_work);
	struct list *l;

	c->engines_told = mono_usec();
	list_for_each(l, &c->engine_order) {
		struct engine *e = list_entry(l, struct engine, order);
		struct json_object *v;

		if (!e->changed)
			continue;
		e->changed = false;
		v = json_object_new_object();
		json_add(v, "engine", engine_json(e));
		events_add(c, v);
	}
}

static void store_engine(struct engine *e)
{
	struct store_op *op = store_op_new(STORE_ENGINE);

	op->engine = (struct engine_row){
		.id = e->id,
		.uuid = xstrdup(e->uuid),
		.host = e->host ? xstrdup(e->host) : NULL,
		.language = e->language ? xstrdup(e->language) : NULL,
		.pid = e->pid,
		.since = e->since,
		.taskfs = e->taskfs,
	};
	store_put(e->c->store, op);
}

/* --- coming and going --------------------------------------------------- */

static struct engine *engine_new(struct controller *c, int64_t id,
				 const char *uuid)
{
	struct engine *e = zalloc(sizeof(*e));

	e->c = c;
	e->id = id;
	e->uuid = xstrdup(uuid);
	e->since = now_usec();
	list_init(&e->runs);
	/* A new one is used first. */
	list_add(&c->engine_order, &e->order);
	/* Larger than before a restart of this controller. */
	e->ran = now_usec();
	map_put_u64(&c->engines, (uint64_t)id, e);
	map_put(&c->by_uuid, bytes_str(uuid), e);
	if (id >= c->next_engine)
		c->next_engine = id + 1;
	return e;
}

static void engine_free(struct engine *e)
{
	struct controller *c = e->c;

	c->ndraining -= e->draining;
	timer_cancel(&e->stored_timer);
	json_object_put(e->stored);
	vars_forget(e);
	foreign_free(e);
	list_del(&e->order);
	map_remove_u64(&c->engines, (uint64_t)e->id);
	map_remove(&c->by_uuid, bytes_str(e->uuid));
	free(e->uuid);
	free(e->host);
	free(e->language);
	free(e);
}

void engine_restore(struct controller *c, const struct engine_row *row)
{
	struct engine *e;

	if (!row->uuid || engine_find(c, row->id))
		return;
	e = engine_new(c, row->id, row->uuid);
	e->state = ENGINE_LOST;
	e->host = row->host ? xstrdup(row->host) : NULL;
	e->language = row->language ? xstrdup(row->language) : NULL;
	e->pid = row->pid;
	e->since = row->since;
	e->taskfs = row->taskfs;
}

void engine_add_load(struct engine *e, int by)
{
	assert(by > 0 || e->load > 0);
	if (!e->load)
		e->began = mono_usec();
	e->load += (unsigned)by;
	if (!e->load)
		vars_engine_idle(e);
}

static void engine_joined(struct engine *e)
{
	e->state = ENGINE_LIVE;
	e->missed = 0;
	notify_engine(e, true);
	foreign_begin(e);
	engine_changed(e);
	orders_engine_joined(e);
	vars_engine_joined(e);
	sched_kick(e->c);
	log_info("engine registered", log_int("engine", e->id),
		 log_str("uuid", e->uuid), log_str("host", e->host),
		 log_int("engine_pid", e->pid));
}

void engine_adopt(struct controller *c, int64_t id, const char *uuid)
{
	struct engine *e = engine_by_uuid(c, bytes_str(uuid));

	if (!*uuid || strlen(uuid) > LIMIT_UUID ||
	    (!e && c->engines.n >= LIMIT_ENGINES))
		return;
	if (e && e->id != id) {
		engine_remove(e, "it has another id now");
		e = NULL;
	}
	if (!e && (e = engine_find(c, id))) {
		engine_remove(e, "another engine has its id now");
		e = NULL;
	}
	if (e && e->state == ENGINE_LIVE)
		return;
	if (!e) {
		e = engine_new(c, id, uuid);
		store_engine(e);
	}
	e->heard = now_usec();
	engine_joined(e);
}

void engine_remove(struct engine *e, const char *why)
{
	struct controller *c = e->c;
	struct store_op *op = store_op_new(STORE_ENGINE_GONE);
	struct json_object *v = json_object_new_object();
	bool draining = e->draining;
	int64_t id = e->id;

	log_info("engine gone", log_int("engine", e->id),
		 log_str("uuid", e->uuid), log_str("why", why),
		 log_int("tasks", e->load));
	if (e->state != ENGINE_JOINING)
		notify_engine(e, false);
	op->engine.id = e->id;
	store_put(c->store, op);
	runs_engine_gone(e);
	vars_engine_gone(e);
	json_add_int(v, "engine_gone", e->id);
	events_add(c, v);
	engine_free(e);
	orders_engine_gone(c, id);
	/* Another of that id takes tasks. */
	if (draining)
		drain_store(c, NULL, NULL);
	sched_kick(c);
}

/* --- registration ------------------------------------------------------- */

static struct json_object *connection_info(struct controller *c)
{
	struct json_object *o = json_object_new_object();
	struct json_object *b = json_object_new_array();
	static const struct {
		const char *key;
		enum socket s;
	} rows[] = {
		{"registration", S_REGISTRATION}, {"control", S_CONTROL_OUT},
		{"mux", S_MUX_OUT},		  {"task", S_TASK_OUT},
		{"iopub", S_IOPUB_IN},		  {"hb_ping", S_HB_PING},
		{"hb_pong", S_HB_PONG},
	};
	char interface[256];
	size_t i;

	address_interface(c, CONNFILE_ENGINE, interface);
	json_add_str(o, "interface", interface);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		json_add_int(o, rows[i].key, c->sock[rows[i].s].port);
	json_push(b, json_object_new_int64(c->sock[S_BROADCAST_OUT].port));
	json_add(o, "broadcast", b);
	return o;
}

static void set_text(char **to, struct json_object *o, const char *key)
{
	size_t n;
	const char *s = json_get_str(o, key, &n);

	free(*to);
	*to = s ? xstrndup(s, min_u64(strlen(s), 255)) : NULL;
}

static void describe(struct engine *e, struct json_object *t)
{
	e->taskfs = json_int_or(t, "version", 0) >= TASKFS_PROTOCOL;
	set_text(&e->host, t, "host");
	set_text(&e->language, t, "language");
	e->pid = json_int_or(t, "pid", 0);
	e->since = json_int_or(t, "since", now_usec());
}

/* An id nobody has; the wanted one if it is free. */
static int64_t free_id(struct controller *c, int64_t want)
{
	if (want >= 0 && want <= LIMIT_ENGINE_ID && !engine_find(c, want))
		return want;
	return c->next_engine;
}

static void probe(struct timer *t)
{
	struct controller *c = container_of(t, struct controller, probe_timer);
	char payload[96];
	struct map_iter it = {0};
	bool joining = false;

	while (map_next(&c->engines, &it))
		joining |= ((struct engine *)it.value)->state != ENGINE_LIVE;
	if (!joining)
		return;
	snprintf(payload, sizeof(payload), "%s:%llu", c->instance,
		 (unsigned long long)c->beat);
	(void)!zmq_send(sock_of(c, S_HB_PING), payload, strlen(payload),
			ZMQ_DONTWAIT);
	if (c->probes < 10)
		timer_set(c->loop, &c->probe_timer, PROBE << c->probes++);
}

static struct json_object *accept(struct engine *e, struct json_object *t)
{
	struct controller *c = e->c;
	struct json_object *o = json_object_new_object(), *ours, *drop;

	json_add_str(o, "status", "ok");
	json_add_int(o, "id", e->id);
	json_add_int(o, "hb_period", (int64_t)(c->config.ping / 1000));
	json_add(o, "connection_info", connection_info(c));
	if (!e->taskfs)
		return o;
	ours = json_object_new_object();
	drop = json_object_new_array();
	runs_reclaim(e, json_get_array(t, "running"),
		     json_get_array(t, "finished"), drop);
	json_add_int(ours, "version", TASKFS_PROTOCOL);
	json_add_str(ours, "instance", c->instance);
	json_add(ours, "drop", drop);
	json_add(o, "taskfs", ours);
	return o;
}

/* Ids do not come again, not after a restart either. */
static void keep_next_id(struct controller *c)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = "next_engine";
	op->meta.value = xasprintf("%lld", (long long)c->next_engine);
	store_put(c->store, op);
}

static void refuse(struct request *rq, const char *ename, const char *evalue)
{
	request_fail(rq, MSG_REGISTRATION_REPLY, 0, ename, evalue);
}

static void refuse_uuid(struct request *rq, const char *uuid)
{
	struct buf why = BUF_INIT;

	buf_printf(&why, "\"uuid '%s' in use\"", uuid);
	refuse(rq, "KeyError", buf_str(&why));
	buf_done(&why);
}

/*
 * ours comes back after a restart of the controller, or because it did not
 * hear our answer: it keeps its id, and tells what it works on.
 */
static bool may_return(const struct engine *e, struct json_object *t)
{
	return e->taskfs && t && json_int_or(t, "pid", -1) == e->pid;
}

/* A restarted one: it comes in the place of what it was. */
static void leave_place(struct controller *c, struct json_object *t)
{
	const char *old = json_get_str(t, "replaces", NULL);
	struct engine *e = old ? engine_by_uuid(c, bytes_str(old)) : NULL;

	if (e && e->taskfs)
		engine_remove(e, "restarted");
}

void engines_on_registration(struct controller *c, struct request *rq)
{
	struct json_object *content = rq->msg->content;
	struct json_object *t = json_get_object(content, "taskfs");
	size_t n = 0;
	const char *uuid = json_get_str(content, "uuid", &n);
	struct engine *e;

	if (!uuid || n == 0 || n > LIMIT_UUID || strlen(uuid) != n) {
		refuse(rq, "KeyError", "'uuid'");
		return;
	}
	leave_place(c, t);
	if (c->config.upstream) {
		refuse(rq, "RuntimeError", "engines register with the "
		       "ipyparallel controller, not here");
		return;
	}
	e = engine_by_uuid(c, bytes_str(uuid));
	if (e && !may_return(e, t)) {
		refuse_uuid(rq, uuid);
		return;
	}
	if (!e && c->engines.n >= LIMIT_ENGINES) {
		refuse(rq, "RuntimeError", "there are too many engines");
		return;
	}
	if (!e) {
		e = engine_new(c, free_id(c, json_int_or(content, "id", -1)),
			       uuid);
		e->state = ENGINE_JOINING;
	} else if (e->state == ENGINE_LOST) {
		e->state = ENGINE_JOINING;
		e->missed = 0;
	}
	e->joining = mono_usec();
	describe(e, t);
	store_engine(e);
	keep_next_id(c);
	request_reply(rq, MSG_REGISTRATION_REPLY, accept(e, t), NULL, 0);
	c->probes = 0;
	timer_set(c->loop, &c->probe_timer, PROBE);
}

void engines_on_unregistration(struct controller *c, struct request *rq)
{
	int64_t id;
	struct engine *e = NULL;

	if (json_get_int(rq->msg->content, "id", &id))
		e = engine_find(c, id);
	if (e)
		engine_remove(e, "unregistered");
	request_free(rq);
}

/* --- heartbeats --------------------------------------------------------- */

void engines_on_pong(struct controller *c, struct msg *m)
{
	struct engine *e = engine_by_uuid(c, msg_frame(m, 0));
	size_t n = strlen(c->instance);

	/* A pong of another instance is an answer to a ping of the past. */
	if (!e || m->frames != 2 || msg_frame(m, 1).n < n ||
	    memcmp(msg_frame(m, 1).p, c->instance, n) != 0)
		return;
	e->answered = true;
	e->heard = now_usec();
	if (e->missed && !(e->state == ENGINE_LOST && e->taskfs)) {
		e->missed = 0;
		engine_changed(e);
	}
	if (e->state == ENGINE_JOINING ||
	    (e->state == ENGINE_LOST && !e->taskfs))
		engine_joined(e);
}

static void count_beat(struct engine *e)
{
	/* Python takes its time between the registration and the first beat. */
	if (e->state == ENGINE_JOINING && !e->answered &&
	    mono_usec() - e->joining < JOINING)
		return;
	/* One from before a restart has to register, whether it beats or not. */
	if (e->answered && !(e->state == ENGINE_LOST && e->taskfs)) {
		e->answered = false;
		engine_changed(e);
		return;
	}
	e->missed++;
	if (e->missed == 2)
		engine_changed(e);
	if (e->missed > MISSES) {
		e->c->count.lost_engines++;
		engine_remove(e, "its heart stopped");
	}
}

static void beat(struct timer *t)
{
	struct controller *c = container_of(t, struct controller, beat_timer);
	struct list *l, *tmp;
	char payload[96];

	list_for_each_safe(l, tmp, &c->engine_order)
		count_beat(list_entry(l, struct engine, order));
	c->beat++;
	snprintf(payload, sizeof(payload), "%s:%llu", c->instance,
		 (unsigned long long)c->beat);
	(void)!zmq_send(sock_of(c, S_HB_PING), payload, strlen(payload),
			ZMQ_DONTWAIT);
	timer_set(c->loop, t, c->config.ping);
}

void engines_init(struct controller *c)
{
	list_init(&c->engine_order);
	c->beat_timer.fire = beat;
	c->probe_timer.fire = probe;
	c->engines_work.run = tell_changes;
	c->engines_timer.fire = tell_now;
	/* Their hearts are the upstream's business. */
	if (c->config.upstream)
		return;
	timer_set(c->loop, &c->beat_timer, c->config.ping);
	/* Engines from before a restart see soon that we are new. */
	timer_set(c->loop, &c->probe_timer, PROBE);
}

void engines_done(struct controller *c)
{
	timer_cancel(&c->beat_timer);
	timer_cancel(&c->probe_timer);
	timer_cancel(&c->engines_timer);
	work_cancel(&c->engines_work);
	while (!list_empty(&c->engine_order))
		engine_free(list_first(&c->engine_order, struct engine, order));
	map_done(&c->engines);
	map_done(&c->by_uuid);
}
