#include "base/base.h"
#include "members.h"

#include "ask.h"
#include "base/log.h"
#include "base/parse.h"
#include "engines/presence.h"
#include "mounts/engine_json.h"
#include "others.h"
#include "reclaim.h"
#include "schedule/sched.h"
#include "shown.h"

void members_remove_all(struct upstream *u, const char *why)
{
	while (!list_empty(&u->c->engines->order))
		engine_remove(list_first(&u->c->engines->order, struct engine,
					 order),
			      why);
	reclaim_end_orphans(u->c, why);
}

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

/* Asks which engines there are, unless that question is open already. */
static void ask_again(struct controller *c)
{
	if (!c->upstream->asked)
		members_say_hello(c->upstream);
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
		reclaim_begin(c, ask_again);
	}
	if (!u->stale || !was_up)
		take_engines(u, engines);
	if (u->stale)
		members_say_hello(u);
	if (!was_up) {
		/* Mounts that hear that it is connected know its engines then. */
		engines_tell(c);
		upstream_tell(u);
		others_begin(c);
	}
	sched_kick(c);
}

void members_say_hello(struct upstream *u)
{
	u->hello_at = mono_usec();
	u->stale = false;
	u->asked = upstream_ask(u->c, MSG_CONNECTION_REQUEST,
				json_object_new_object(), on_hello, 0) == 0;
}

void members_on_notification(struct upstream *u, struct msg *m)
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
		upstream_set_why(u, "the ipyparallel controller was shut down");
}
