#include "base/base.h"
#include "vars.h"

#include "model/carrier.h"
#include "model/engines.h"
#include "mounts/engine_json.h"
#include "mounts/events.h"
#include "wire/variable.h"

struct variable {
	int64_t size, mtime, version;
	int64_t lines;	/* bytes of the value as lines; -1: as many */
};

/* [name, size, mtime, version, [lines]] */
struct told {
	const char *name;
	bool gone;
	struct variable v;
};

static int64_t element_int(struct json_object *a, size_t i)
{
	struct json_object *v = json_object_array_get_idx(a, i);

	return json_object_is_type(v, json_type_int) ? json_object_get_int64(v)
						     : -1;
}

static bool read_told(struct json_object *a, struct told *t)
{
	struct json_object *name;
	size_t n;

	if (!json_object_is_type(a, json_type_array))
		return false;
	n = json_object_array_length(a);
	if (n != 4 && n != 5)
		return false;
	name = json_object_array_get_idx(a, 0);
	if (!json_object_is_type(name, json_type_string))
		return false;
	t->name = json_object_get_string(name);
	t->gone = !json_object_array_get_idx(a, 1);
	t->v.size = t->gone ? 0 : element_int(a, 1);
	t->v.mtime = element_int(a, 2);
	t->v.version = element_int(a, 3);
	t->v.lines = n == 5 ? element_int(a, 4) : -1;
	return variable_name_ok(bytes_of(t->name,
					 (size_t)json_object_get_string_len(
						 name))) &&
	       t->v.size >= 0 && t->v.mtime >= 0 && t->v.mtime < LIMIT_TIME &&
	       t->v.version >= 0;
}

static void forget_all(struct engine *e)
{
	struct map_iter it = {0};

	while (map_next(&e->vars, &it))
		free(it.value);
	map_done(&e->vars);
	e->vars = (struct map){0};
}

static bool note(struct engine *e, const struct told *t)
{
	struct bytes name = bytes_str(t->name);
	struct variable *v = map_get(&e->vars, name);

	if (t->gone) {
		free(map_remove(&e->vars, name));
		return true;
	}
	if (!v) {
		if (e->vars.n >= LIMIT_VARIABLES)
			return false;
		v = xmalloc(sizeof(*v));
		map_put(&e->vars, name, v);
	}
	*v = t->v;
	return true;
}

static void push_one(struct json_object *list, const char *name, bool gone,
		     const struct variable *v)
{
	struct json_object *a = json_object_new_array();

	json_push(a, json_object_new_string(name));
	json_push(a, gone ? NULL : json_object_new_int64(v->size));
	json_push(a, json_object_new_int64(v->mtime));
	json_push(a, json_object_new_int64(v->version));
	if (v->lines >= 0)
		json_push(a, json_object_new_int64(v->lines));
	json_push(list, a);
}

static struct json_object *vars_json(const struct engine *e, bool all,
				     struct json_object *list)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "version", e->vars_version);
	json_add_bool(o, "all", all);
	if (!e->kind->tells_vars)
		json_add_bool(o, "on_demand", true);
	json_add(o, "list", list);
	return o;
}

static void publish(struct engine *e, struct json_object *o)
{
	struct json_object *change = json_object_new_object();

	json_add(change, "engine", o);
	events_add(e->c, change);
}

static void publish_list(struct engine *e, bool all, struct json_object *list)
{
	struct json_object *o = json_object_new_object();

	engine_tell(e);
	json_add_int(o, "id", e->id);
	json_add(o, "vars", vars_json(e, all, list));
	publish(e, o);
}

void vars_publish(struct engine *e)
{
	struct json_object *o;

	if (!e->vars_known)
		return;
	o = engine_json(e);
	vars_add_json(e, o);
	publish(e, o);
}

/* {version, all, list} */
static void take(struct engine *e, struct json_object *vars)
{
	struct json_object *told = json_get_array(vars, "list");
	struct json_object *list = json_object_new_array();
	bool all = json_bool_or(vars, "all", false);
	size_t i, n = told ? json_object_array_length(told) : 0;
	struct told t;

	if (all)
		forget_all(e);
	for (i = 0; i < n; i++) {
		if (read_told(json_object_array_get_idx(told, i), &t) &&
		    note(e, &t))
			push_one(list, t.name, t.gone, &t.v);
		else
			e->c->count.dropped_unknown++;
	}
	e->vars_known = true;
	e->vars_version = json_int_or(vars, "version", 0);
	if (e->state == ENGINE_LIVE && e->kind->tells_vars)
		publish_list(e, all, list);
	else
		json_object_put(list); /* published when the engine has joined */
}

void vars_on_told(struct engine *e, struct msg *m)
{
	take(e, m->content);
}

void vars_on_ready(struct engine *e)
{
	e->vars_known = true;
	e->listing[0] = '\0';
	publish_list(e, false, json_object_new_array());
	vars_ran(e);
}

void vars_on_answer(struct engine *e, struct json_object *vars, int64_t ran)
{
	if (json_bool_or(vars, "all", false) && ran > e->vars_as_of)
		e->vars_as_of = ran;
	take(e, vars);
}

/* --- asking for it ------------------------------------------------------ */

#define LIST_EVERY (250 * USEC_PER_MSEC)
/* A listing that takes longer may never come. */
#define LIST_PATIENCE (60 * USEC_PER_SEC)

static void ask_listing(struct engine *e)
{
	struct json_object *content = json_object_new_object();
	struct msg_out out = {
		.type = MSG_VARS_REQUEST,
		.msg_id = e->listing,
		.content = content,
	};

	session_msg_id(engine_session(e), e->listing);
	e->listing_ran = e->ran;
	e->listing_at = mono_usec();
	json_add_str(content, "verb", "list");
	if (engine_send(e, LINE_CONTROL, &out))
		e->listing[0] = '\0';
	json_object_put(content);
}

/* Asks the engine for a listing, now or when it is due; it answers between its
 * tasks. */
static void keep_listed(struct engine *e)
{
	uint64_t now = mono_usec(), due = e->listing_at + LIST_EVERY;

	if (e->kind->tells_vars || !e->vars_known || !events_are_heard(e->c) ||
	    e->vars_as_of == e->ran || e->state != ENGINE_LIVE)
		return;
	if (e->listing[0])
		due = e->listing_at + LIST_PATIENCE;
	if (due <= now)
		ask_listing(e);
	else if (!timer_is_set(&e->listing_timer))
		timer_set(e->c->loop, &e->listing_timer, due - now);
}

static void listing_due(struct timer *t)
{
	keep_listed(container_of(t, struct engine, listing_timer));
}

bool vars_on_listing(struct engine *e, struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct json_object *vars;

	if (!e->listing[0] || !id || strcmp(id, e->listing) != 0)
		return false;
	e->listing[0] = '\0';
	timer_cancel(&e->listing_timer);
	if (!m->content)
		m->content = msg_json(m, MSG_CONTENT);
	vars = json_get_object(m->content, "vars");
	if (vars)
		vars_on_answer(e, vars, e->listing_ran);
	keep_listed(e);
	return true;
}

void vars_ran(struct engine *e)
{
	e->ran++;
	e->listing_timer.fire = listing_due;
	keep_listed(e);
}

/* --- telling it --------------------------------------------------------- */

void vars_add_json(const struct engine *e, struct json_object *o)
{
	struct json_object *list;
	struct map_iter it = {0};

	if (!e->vars_known)
		return;
	list = json_object_new_array();
	while (map_next(&e->vars, &it)) {
		char *name = xmemdup_nul(it.key.p, it.key.n);

		push_one(list, name, false, it.value);
		free(name);
	}
	json_add(o, "vars", vars_json(e, true, list));
}

void vars_forget(struct engine *e)
{
	forget_all(e);
	timer_cancel(&e->listing_timer);
	e->listing[0] = '\0';
	e->vars_known = false;
}
