#include "base/base.h"
#include "engine_parts.h"

#include "base/log.h"
#include "drain.h"
#include "events.h"
#include "notify.h"
#include "foreign.h"
#include "orders.h"
#include "run.h"
#include "sched.h"
#include "vars.h"

/* Changes of engines are told this often at most. */
#define TELL_EVERY (20 * USEC_PER_MSEC)

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
	return e->state == ENGINE_LIVE && !e->draining && !e->leaving &&
	       (!e->not_before || e->not_before <= mono_usec());
}

/* --- JSON --------------------------------------------------------------- */

static const char *state_word(const struct engine *e)
{
	if (engine_is_away(e))
		return "lost";
	if (e->draining || e->leaving)
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

		if (!r || run->phase != RUN_SENT || run->answered)
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

static void add_why(struct json_object *o, const struct engine *e)
{
	struct buf why = BUF_INIT;

	if (engine_is_away(e))
		engine_put_away(e, &why);
	else if (e->drain_why)
		buf_puts(&why, e->drain_why);
	json_add_str(o, "why", why.n ? buf_str(&why) : NULL);
	buf_done(&why);
}

struct json_object *engine_json(const struct engine *e)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "id", e->id);
	json_add_str(o, "uuid", e->uuid);
	json_add_str(o, "state", state_word(e));
	add_why(o, e);
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

void engine_turned(struct engine *e)
{
	engine_changed(e);
	sched_tell_waiting(e->c, e->id);
}

void engine_tell(struct engine *e)
{
	struct json_object *v;

	if (!e->changed)
		return;
	e->changed = false;
	v = json_object_new_object();
	json_add(v, "engine", engine_json(e));
	events_add(e->c, v);
}

void engines_tell(struct controller *c)
{
	struct list *l;

	c->engines_told = mono_usec();
	list_for_each(l, &c->engine_order)
		engine_tell(list_entry(l, struct engine, order));
}

static void tell_changes(struct work *w)
{
	engines_tell(container_of(w, struct controller, engines_work));
}

void engine_store(struct engine *e)
{
	struct store_op *op = store_op_new(STORE_ENGINE);

	op->engine = (struct engine_row){
		.id = e->id,
		.uuid = xstrdup(e->uuid),
		.host = str_copy(e->host),
		.language = str_copy(e->language),
		.pid = e->pid,
		.since = e->since,
		.taskfs = e->taskfs,
		.process = str_copy(e->process),
		.lost = e->lost,
		.heard = e->lost ? e->away_since : 0,
	};
	store_put(e->c->store, op);
}

/* --- coming and going --------------------------------------------------- */

struct engine *engine_new(struct controller *c, int64_t id, const char *uuid)
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

void engine_free(struct engine *e)
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
	free(e->drain_why);
	free(e->process);
	free(e);
}

void engine_restore(struct controller *c, const struct engine_row *row)
{
	struct engine *e;

	if (!row->uuid || engine_find(c, row->id))
		return;
	e = engine_new(c, row->id, row->uuid);
	e->state = ENGINE_LOST;
	e->lost = row->lost;
	e->away_since = row->lost ? row->heard : c->since;
	e->host = str_copy(row->host);
	e->language = str_copy(row->language);
	e->process = str_copy(row->process);
	e->pid = row->pid;
	e->since = row->since;
	e->taskfs = row->taskfs;
}

void engine_read_pid(struct engine *e, struct json_object *o)
{
	if (!json_get_range(o, "pid", 0, LIMIT_PID, &e->pid))
		log_warning("an engine says a pid that there is not",
			    log_str("uuid", e->uuid));
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

void engine_joined(struct engine *e)
{
	bool lost = e->lost != 0;

	e->state = ENGINE_LIVE;
	e->missed = 0;
	e->given_up = false;
	e->lost = 0;
	e->unknown_end = NULL;
	if (lost)
		engine_store(e);
	notify_engine(e, true);
	foreign_begin(e);
	engine_turned(e);
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
		engine_store(e);
	}
	e->heard = now_usec();
	engine_joined(e);
}

void engine_leaves(struct engine *e)
{
	e->leaving = true;
	engine_changed(e);
}

void engine_give_up(struct engine *e)
{
	if (engine_is_there(e))
		notify_engine(e, false);
	runs_engine_gone(e);
	vars_engine_gone(e);
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
	op->engine.id = e->id;
	store_put(c->store, op);
	heart_gone(e);
	engine_give_up(e);
	json_add_int(v, "engine_gone", e->id);
	events_add(c, v);
	engine_free(e);
	orders_engine_gone(c, id);
	/* Another of that id takes tasks. */
	if (draining)
		drain_store(c, NULL, NULL);
	sched_tell_waiting(c, id);
	sched_check(c);
}

/* --- all of them -------------------------------------------------------- */

void engines_init(struct controller *c)
{
	list_init(&c->engine_order);
	c->engines_work.run = tell_changes;
	c->engines_timer.fire = tell_now;
	heart_init(c);
}

void engines_done(struct controller *c)
{
	heart_done(c);
	timer_cancel(&c->engines_timer);
	work_cancel(&c->engines_work);
	while (!list_empty(&c->engine_order))
		engine_free(list_first(&c->engine_order, struct engine, order));
	map_done(&c->engines);
	map_done(&c->by_uuid);
}
