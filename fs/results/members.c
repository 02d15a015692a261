#include "members.h"
#include "base/parse.h"
#include "mirror/group.h"
#include "results.h"

#include <sys/stat.h>

static bool parse_number(struct bytes name, uint64_t max, uint64_t *ret_n)
{
	if (name.n > 1 && *(const char *)name.p == '0')
		return false;
	return parse_u64(name, 0, max, ret_n) == 0;
}

/* --- results/<id>/<n>/ -------------------------------------------------- */

static bool set_member(struct obj *o, uint64_t i)
{
	if (!o->result->group || i >= o->result->group->n)
		return false;
	o->result->group->seen = true;
	o->sub = sub_of((int64_t)i, 0);
	return result_class.resolve(o);
}

static bool member_find(struct obj *o, struct bytes name)
{
	uint64_t i;

	return parse_number(name, INT32_MAX, &i) && set_member(o, i);
}

static bool member_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	*ret_n = from;
	return set_member(o, from);
}

static bool member_resolve(struct obj *o)
{
	return sub_index(o->sub) >= 0 && result_class.resolve(o);
}

static void member_name(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%u", (unsigned)sub_index(o->sub));
}

const struct class member_class = {
	.find = member_find,
	.next = member_next,
	.resolve = member_resolve,
	.name = member_name,
};

/* --- by_engine/ --------------------------------------------------------- */

/*
 * Here sub_index() of an obj is the number of an engine. An engine whose number is
 * too large for that is not shown.
 */
#define ENGINE_MAX ((1 << SUB_BITS) / SUB_OPTIONS - 2)

static int64_t engine_of(const struct obj *o)
{
	return sub_index(o->sub);
}

static bool is_map(const struct obj *o)
{
	return o->result->kind[0] == 'm';
}

/* The first engine from that id on which it has a task of many; -1: none. */
static int64_t next_engine(const struct result *r, int64_t from)
{
	const struct share *s = r->group ? group_share(r->group, from) : NULL;

	return s && s->engine <= ENGINE_MAX ? s->engine : -1;
}

/* A map has directories of engines; a view has links. */
static bool set_engine(struct obj *o, int64_t engine)
{
	if (engine < 0 || next_engine(o->result, engine) != engine ||
	    is_map(o) != S_ISDIR(o->node->mode))
		return false;
	o->sub = sub_of(engine, 0);
	o->task = NULL;
	return true;
}

static bool engine_find(struct obj *o, struct bytes name)
{
	uint64_t id;

	return parse_number(name, ENGINE_MAX, &id) &&
	       set_engine(o, (int64_t)id);
}

static bool engine_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	int64_t engine = next_engine(o->result, (int64_t)from);

	*ret_n = (uint64_t)engine;
	return set_engine(o, engine);
}

static bool engine_resolve(struct obj *o)
{
	uint32_t sub = o->sub;

	o->sub = 0;
	if (!result_class.resolve(o))
		return false;
	return set_engine(o, sub_index(sub));
}

static void engine_name(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%lld", (long long)engine_of(o));
}

const struct class by_engine_class = {
	.find = engine_find,
	.next = engine_next,
	.resolve = engine_resolve,
	.name = engine_name,
};

void by_engine_target(const struct obj *o, struct buf *out)
{
	const struct group *g = o->result->group;
	uint32_t i;

	buf_puts(out, "..");
	for (i = 0; i < g->n; i++) {
		if (group_task(g, i)->engine != engine_of(o))
			continue;
		buf_printf(out, "/%u", i);
		return;
	}
}

/*
 * A result of one task: a link to the result would lead whoever follows links round
 * and round. A directory has its files once more; their numbers are the same.
 */
static bool has_only_engine(const struct obj *o)
{
	return !o->result->group && o->result->one.engine >= 0;
}

static bool only_find(struct obj *o, struct bytes name)
{
	uint64_t id;

	return parse_number(name, INT32_MAX, &id) && has_only_engine(o) &&
	       id == (uint64_t)o->result->one.engine;
}

static bool only_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	*ret_n = from;
	return !from && has_only_engine(o);
}

static bool only_resolve(struct obj *o)
{
	return result_class.resolve(o) && has_only_engine(o);
}

static void only_name(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%d", (int)o->result->one.engine);
}

const struct class only_engine_class = {
	.find = only_find,
	.next = only_next,
	.resolve = only_resolve,
	.name = only_name,
};

/* The tasks in the directory of an engine of a map. */
static bool share_find(struct obj *o, struct bytes name)
{
	const struct group *g = o->result->group;
	int64_t engine = engine_of(o);
	uint64_t i;

	return parse_number(name, INT32_MAX, &i) && i < g->n &&
	       group_task(g, i)->engine == engine && set_member(o, i);
}

static bool share_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	const struct group *g = o->result->group;
	int64_t engine = engine_of(o);
	uint64_t i;

	for (i = from; i < g->n; i++) {
		if (group_task(g, i)->engine != engine)
			continue;
		*ret_n = i;
		return set_member(o, i);
	}
	return false;
}

const struct class share_class = {
	.find = share_find,
	.next = share_next,
	.resolve = member_resolve,
	.name = member_name,
};

void share_target(const struct obj *o, struct buf *out)
{
	buf_puts(out, "../../");
	member_name(o, out);
}
