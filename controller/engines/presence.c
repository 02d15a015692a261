#include "base/base.h"
#include "presence.h"

#include "base/log.h"
#include "drain.h"
#include "engine_parts.h"
#include "mounts/events.h"
#include "removed.h"
#include "schedule/sched.h"

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
	engine_changed(e);
	engine_tell_hooks(e, joined);
	sched_tell_waiting(e->c, e->id);
	sched_kick(e->c);
	log_info("engine registered", log_int("engine", e->id),
		 log_str("uuid", e->uuid), log_str("host", e->host),
		 log_int("engine_pid", e->pid));
}

void engine_adopt(struct controller *c, int64_t id, const char *uuid)
{
	struct engine *e = engine_by_uuid(c, bytes_str(uuid));

	if (!*uuid || strlen(uuid) > LIMIT_UUID ||
	    (!e && c->engines->by_id.n >= LIMIT_ENGINES))
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
		engine_set_taskfs(e, false);
		engine_store(e);
	}
	e->heard = now_usec();
	engine_joined(e);
}

void engine_turned(struct engine *e)
{
	engine_changed(e);
	sched_tell_waiting(e->c, e->id);
}

void engine_leaves(struct engine *e)
{
	e->leaving = true;
	engine_changed(e);
}

void engine_give_up(struct engine *e)
{
	engine_tell_hooks(e, given_up);
}

void engine_remove(struct engine *e, const char *why)
{
	struct controller *c = e->c;
	struct store_op *op = store_op_new(STORE_ENGINE_GONE);
	struct json_object *v = json_object_new_object();
	const struct engine_hooks *const *h;
	bool draining = e->draining;
	int64_t id = e->id;

	log_info("engine gone", log_int("engine", e->id),
		 log_str("uuid", e->uuid), log_str("why", why),
		 log_int("tasks", e->load));
	op->engine.id = e->id;
	store_put(c->store, op);
	removed_add(e);
	engine_give_up(e);
	json_add_int(v, "engine_gone", e->id);
	events_add(c, v);
	engine_free(e);
	for (h = c->engine_hooks; *h; h++)
		if ((*h)->gone)
			(*h)->gone(c, id);
	/* Another engine of that id takes tasks. */
	if (draining)
		drain_store(c, NULL, NULL);
	sched_tell_waiting(c, id);
	sched_check(c);
}
