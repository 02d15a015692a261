#include "base/base.h"
#include "registration.h"

#include "away.h"
#include "base/log.h"
#include "drain.h"
#include "engine_parts.h"
#include "net/address.h"
#include "net/request.h"
#include "net/sockets.h"
#include "presence.h"
#include "removed.h"
#include "returned.h"
#include "schedule/run.h"
#include "wire/pool_option.h"

#define LIMIT_ENGINE_ID 1000000 /* that an engine may ask for */

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

/* One that does not say has one: those of ipyparallel, and older ones of ours. */
static void read_slots(struct engine *e, struct json_object *t)
{
	int64_t slots = 1;

	if (!json_get_range(t, "slots", 1, LIMIT_SLOTS, &slots))
		log_warning("an engine says a number of slots that it cannot "
			    "have; it gets one task at a time",
			    log_str("uuid", e->uuid));
	e->slots = (unsigned)slots;
}

static void read_resources(struct engine *e, struct json_object *t)
{
	struct json_object *said = json_get(t, "resources");
	struct json_object *o = json_get_object(t, "resources");
	struct amounts has = {0};

	if ((said && !o) || amounts_read(&has, o) < 0) {
		log_warning("an engine says resources that it cannot have; it "
			    "gets no task that asks for any",
			    log_str("uuid", e->uuid));
		amounts_done(&has);
	}
	stocks_set(&e->stocks, &has);
	amounts_done(&has);
}

/* How long it is there; one that does not say so stays. */
static void read_left(struct engine *e, struct json_object *t)
{
	int64_t left = -1;

	if (!json_get_range(t, "ends_in", 0, LIMIT_TIME, &left))
		log_warning("an engine says a lifetime that there is not",
			    log_str("uuid", e->uuid));
	e->until = left >= 0 ? now_usec() + left : 0;
	e->ends = left >= 0 ? mono_usec() + (uint64_t)left : 0;
}

/* The launch of a pool that started it. */
static void read_launch(struct engine *e, struct json_object *t)
{
	engine_read_text(&e->launch, t, "launch");
	if (!e->launch || launch_token_ok(bytes_str(e->launch)))
		return;
	log_warning("an engine says a launch that there is not",
		    log_str("uuid", e->uuid));
	free(e->launch);
	e->launch = NULL;
}

static void describe(struct engine *e, struct json_object *t)
{
	read_launch(e, t);
	read_slots(e, t);
	read_resources(e, t);
	engine_set_taskfs(e, json_int_or(t, "version", 0) >= TASKFS_PROTOCOL);
	e->takes_ahead = json_bool_or(t, "ahead", false);
	e->limits = json_bool_or(t, "limits", false);
	engine_read_text(&e->host, t, "host");
	engine_read_text(&e->language, t, "language");
	engine_read_text(&e->process, t, "process");
	e->pid = 0;
	engine_read_pid(e, t);
	read_left(e, t);
	e->since = now_usec();
	if (!json_get_range(t, "since", 0, LIMIT_TIME, &e->since))
		log_warning("an engine says a time that there is not",
			    log_str("uuid", e->uuid));
}

/* Nobody has the id; or the engine that had it has ended, and nobody waits for it
 * any longer. */
static bool is_free(struct controller *c, int64_t id, struct json_object *t)
{
	struct engine *e = engine_find(c, id);

	if (e && away_has_ended(e, json_get_str(t, "process", NULL))) {
		engine_remove(e, "its process has ended");
		e = NULL;
	}
	return !e;
}

/* An id that nobody has; the one that is wished for, if it is free. */
static int64_t free_id(struct controller *c, int64_t wished,
		       struct json_object *t)
{
	if (wished >= 0 && wished <= LIMIT_ENGINE_ID && is_free(c, wished, t))
		return wished;
	return c->engines->next_id;
}

static struct json_object *accept(struct engine *e, struct json_object *t)
{
	struct controller *c = e->c;
	struct json_object *o = json_object_new_object(), *ours, *drop;

	json_add_str(o, "status", "ok");
	json_add_int(o, "id", e->id);
	json_add_int(o, "hb_period", (int64_t)(c->config.ping / 1000));
	json_add(o, "connection_info", connection_info(c));
	if (!e->kind->returns)
		return o;
	ours = json_object_new_object();
	drop = json_object_new_array();
	returned_submitted(e, t, drop);
	json_add_int(ours, "version", TASKFS_PROTOCOL);
	json_add_str(ours, "instance", c->instance);
	json_add(ours, "drop", drop);
	if (c->nearby)
		json_add_str(ours, "outputs", c->nearby);
	if (!returned_relayed(e, json_get_array(t, "relayed")))
		json_add_bool(ours, "again", true);
	json_add(o, "taskfs", ours);
	return o;
}

/* Ids do not come again, not after a restart either. */
static void keep_next_id(struct controller *c)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = "next_engine";
	op->meta.value = xasprintf("%lld", (long long)c->engines->next_id);
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

/* An engine comes back after a restart of the controller, or because it did not hear our
 * answer: it keeps its id, and tells what it works on. */
static bool may_return(const struct engine *e, struct json_object *t)
{
	if (!e->kind->returns)
		return e->given_up;
	return t && json_int_or(t, "pid", -1) == e->pid;
}

/* An engine that was started again comes in the place of what it was. True: it drains
 * as before, because it was told to, and nobody has told it to begin anew. */
static bool leave_place(struct controller *c, struct json_object *t)
{
	const char *old = json_get_str(t, "replaces", NULL);
	struct engine *e = old ? engine_by_uuid(c, bytes_str(old)) : NULL;
	bool drains;

	if (!e || !e->kind->restarts)
		return false;
	drains = e->draining && !e->drain_why &&
		 json_bool_or(t, "respawned", false);
	e->replaced = true;
	returned_unbegun(e, t);
	engine_remove(e, "restarted");
	return drains;
}

/* It died, and before it was started again somebody wanted it to stop. */
static bool is_stopped(struct controller *c, struct json_object *t)
{
	const char *old = json_get_str(t, "replaces", NULL);

	return old && json_bool_or(t, "respawned", false) &&
	       removed_is_stopped(c, bytes_str(old));
}

void registration_on_request(struct controller *c, struct request *rq)
{
	struct json_object *content = rq->msg->content;
	struct json_object *t = json_get_object(content, "taskfs");
	size_t n = 0;
	const char *uuid = json_get_str(content, "uuid", &n);
	struct engine *e;
	bool drains;

	if (!uuid || n == 0 || n > LIMIT_UUID || strlen(uuid) != n) {
		refuse(rq, "KeyError", "'uuid'");
		return;
	}
	if (is_stopped(c, t)) {
		refuse(rq, "RuntimeError", "it was told to stop while it was dead");
		return;
	}
	drains = leave_place(c, t);
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
	if (!e && c->engines->by_id.n >= LIMIT_ENGINES && !away_make_room(c)) {
		refuse(rq, "RuntimeError", "there are too many engines");
		return;
	}
	if (!e) {
		e = engine_new(c, free_id(c, json_int_or(content, "id", -1), t),
			       uuid);
		e->state = ENGINE_JOINING;
	} else if (e->state == ENGINE_LOST) {
		e->state = ENGINE_BACK;
		e->missed = 0;
	}
	e->by_line = rq->by_line;
	e->leaving = false;
	e->joining = mono_usec();
	describe(e, t);
	removed_forget(e);
	engine_store(e);
	keep_next_id(c);
	if (drains) {
		drain_begin(e);
		drain_store(c, NULL, NULL);
	}
	request_reply(rq, MSG_REGISTRATION_REPLY, accept(e, t), NULL, 0);
	heart_probe(c);
}

/* The engine that ends. One of ours says its uuid: another may have its id by now. */
static struct engine *leaving(struct controller *c, struct json_object *content)
{
	const char *uuid = json_get_str(content, "uuid", NULL);
	struct engine *e = NULL;
	int64_t id;

	if (json_get_int(content, "id", &id))
		e = engine_find(c, id);
	return e && (!uuid || strcmp(uuid, e->uuid) == 0) ? e : NULL;
}

void registration_on_end(struct controller *c, struct request *rq)
{
	struct engine *e = leaving(c, rq->msg->content);
	struct json_object *guard;

	if (e && json_bool_or(rq->msg->content, "left", false))
		e->unknown_end = "it ended and could not kill what it ran";
	if (e)
		engine_read_text(&e->ended, rq->msg->content, "why");
	if (e)
		returned_unbegun(e, rq->msg->content);
	guard = json_get_object(rq->msg->content, "respawn");
	if (e && guard && e->kind->restarts)
		engine_die(e, guard);
	else if (e)
		engine_remove(e, e->unknown_end ? e->unknown_end
						: "unregistered");
	request_free(rq);
}
