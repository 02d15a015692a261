#include "base/base.h"
#include "pool_json.h"

#include "model/engines.h"
#include "mounts/events.h"

static void push_members(struct json_object *a, const struct launch *l)
{
	const struct list *at;

	list_for_each(at, &l->members)
		json_push(a, json_object_new_int64(
				     list_entry(at, struct member, link)->engine->id));
}

static struct json_object *launch_json(const struct launch *l)
{
	struct json_object *o = json_object_new_object();
	struct json_object *engines = json_object_new_array();

	json_add_str(o, "launch", l->token);
	json_add_int(o, "count", (int64_t)l->count);
	json_add_str(o, "state", launch_state_word(l->state));
	json_add_int(o, "since", l->since);
	json_add_str(o, "job", l->job);
	push_members(engines, l);
	json_add(o, "engines", engines);
	return o;
}

static void add_launches(struct json_object *o, const struct pool *p)
{
	struct json_object *launches = json_object_new_array();
	struct json_object *engines = json_object_new_array();
	const struct list *at;

	list_for_each(at, &p->launches) {
		const struct launch *l = list_entry(at, struct launch, link);

		json_push(launches, launch_json(l));
		push_members(engines, l);
	}
	json_add(o, "launches", launches);
	json_add(o, "engines", engines);
}

struct json_object *pool_json(const struct pool *p, bool options)
{
	struct json_object *o = json_object_new_object();
	struct buf why = BUF_INIT;

	json_add_str(o, "pool", p->name);
	if (options)
		json_add(o, "options", pool_options_json(p));
	json_add_str(o, "state", pool_state_word(pool_state(p)));
	pool_put_why(p, &why);
	json_add_str(o, "why", why.n ? buf_str(&why) : NULL);
	json_add_int(o, "wanted", (int64_t)p->plan.wanted);
	add_launches(o, p);
	buf_done(&why);
	return o;
}

struct json_object *pools_json(const struct controller *c)
{
	struct json_object *a = json_object_new_array();
	const struct list *l;

	list_for_each(l, &c->pools->all) {
		const struct pool *p = list_entry(l, struct pool, link);

		if (p->made)
			json_push(a, pool_json(p, true));
	}
	return a;
}

/* What changes by itself, as time goes on. */
static bool is_other(struct pool *p)
{
	enum pool_state state = pool_state(p);
	struct buf why = BUF_INIT;
	bool other;

	pool_put_why(p, &why);
	other = state != p->told_state || p->plan.wanted != p->told_wanted ||
		!p->told_why || strcmp(p->told_why, buf_str(&why)) != 0;
	p->told_state = state;
	p->told_wanted = p->plan.wanted;
	free(p->told_why);
	p->told_why = buf_take(&why);
	return other;
}

static void tell(struct pool *p)
{
	bool other = is_other(p);
	struct json_object *v;

	if (!p->made || (!p->changed && !other))
		return;
	v = json_object_new_object();
	json_add(v, "pool", pool_json(p, p->options_changed));
	events_add(p->c, v);
	p->changed = p->options_changed = false;
}

void pools_tell(struct controller *c)
{
	struct list *l;

	list_for_each(l, &c->pools->all)
		tell(list_entry(l, struct pool, link));
}

void pool_tell_gone(struct controller *c, const char *name)
{
	struct json_object *v = json_object_new_object();

	json_add_str(v, "pool_gone", name);
	events_add(c, v);
}
