#include "vars_tell.h"
#include "engine.h"
#include "vars_seen.h"
#include "wire/limits.h"
#include "wire/messages.h"

/* More changes that could not be told, and all is told instead. */
#define LIMIT_UNTOLD (2 * LIMIT_VARIABLES)

static void add(struct json_object *list, const struct variable *v)
{
	struct json_object *a = json_object_new_array();

	json_push(a, json_text(variable_name(v)));
	json_push(a, v->gone ? NULL : json_object_new_int64(v->size));
	json_push(a, json_object_new_int64(v->gone ? 0 : v->mtime));
	json_push(a, json_object_new_int64((int64_t)v->version));
	json_push(list, a);
}

static struct json_object *content_of(const struct vars *vs, bool all)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct map_iter it = {0};
	struct list *l;

	json_add_int(o, "version", (int64_t)vs->version);
	json_add_bool(o, "all", all);
	while (all && map_next(&vs->by_name, &it))
		if (!((struct variable *)it.value)->gone)
			add(list, it.value);
	if (!all)
		list_for_each(l, &vs->untold)
			add(list, list_entry(l, struct variable, untold));
	json_add(o, "list", list);
	return o;
}

void vars_tell(struct engine *e)
{
	struct vars *vs = &e->vars;
	struct msg_out out = {.type = MSG_VARS};
	int err;

	timer_cancel(&vs->tell);
	vs->late = false;
	if (!e->member.extended || !member_is_in(&e->member)) {
		vs->tell_all = true;
		vars_forget_untold(vs);
		return;
	}
	if (!vs->tell_all && list_empty(&vs->untold))
		return;
	out.content = content_of(vs, vs->tell_all);
	err = link_send(&e->link, CHANNEL_TASK, &out);
	json_object_put(out.content);
	vs->late = err != 0;
	if (err && vs->nuntold <= LIMIT_UNTOLD)
		return; /* vars_can_send() */
	vs->tell_all = err != 0;
	vars_forget_untold(vs);
}

static void tell_due(struct timer *t)
{
	vars_tell(container_of(t, struct engine, vars.tell));
}

void vars_tell_init(struct engine *e)
{
	e->vars.tell.fire = tell_due;
	e->vars.tell_all = true;
}

bool vars_are_told(const struct engine *e)
{
	return !e->vars.late;
}

void vars_can_send(struct engine *e)
{
	if (e->vars.late || !timer_is_set(&e->vars.tell))
		vars_tell(e);
}

void vars_registered(struct engine *e)
{
	e->vars.tell_all = true;
	vars_forget_untold(&e->vars);
	vars_tell(e);
}

void vars_about_too(const struct engine *e, struct bytes name,
		    struct json_object *about)
{
	const struct variable *v = map_get(&e->vars.by_name, name);

	if (v)
		add(json_get_array(about, "list"), v);
}

struct json_object *vars_about(const struct engine *e, struct bytes name)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "version", (int64_t)e->vars.version);
	json_add_bool(o, "all", false);
	json_add(o, "list", json_object_new_array());
	vars_about_too(e, name, o);
	return o;
}

struct json_object *vars_about_all(const struct engine *e)
{
	return content_of(&e->vars, true);
}
