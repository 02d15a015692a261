#include "view.h"
#include "base/idlist.h"
#include "base/parse.h"
#include "mirror/mirror.h"
#include "mirror/numbered.h"
#include "wire/limits.h"

#define ALL 0

/* --- the engines of a view ---------------------------------------------- */

static bool is_lost(const struct engine *e)
{
	return e->state && strcmp(e->state, "lost") == 0;
}

static int every_engine(const struct mirror *m, struct idlist *ret)
{
	const struct engine *e;
	uint64_t from = 0;

	for (; (e = index_next(&m->engines, from)); from = e->id + 1)
		if (!is_lost(e))
			idlist_add(ret, e->id);
	return ret->n ? 0 : -ENXIO;
}

static int engines_of_list(const struct mirror *m, struct bytes text,
			   struct idlist *ret)
{
	size_t i;

	if (idlist_parse(ret, text, LIMIT_TARGETS, MIRROR_MAX_ID))
		return -ENOENT;
	for (i = 0; i < ret->n; i++)
		if (!mirror_engine(m, ret->id[i]))
			return -ENOENT;
	return 0;
}

int view_engines(const struct obj *o, struct idlist *ret)
{
	const struct mirror *m = o->fs->mirror;
	struct bytes text;

	if (o->engine) {
		idlist_add(ret, o->engine->id);
		return 0;
	}
	if (o->id == ALL)
		return every_engine(m, ret);
	return numbered_get(o->fs->views, o->id, &text)
		       ? engines_of_list(m, text, ret)
		       : -ENOENT;
}

/* --- their entries in engines/ ------------------------------------------ */

/* A list of engines. A number alone is none: it is an engine, or nothing. */
static bool is_list(const struct mirror *m, struct bytes name)
{
	struct idlist ids = {0};
	uint64_t n;
	bool ok = parse_u64(name, 0, UINT64_MAX, &n) == -EINVAL &&
		  engines_of_list(m, name, &ids) == 0;

	idlist_done(&ids);
	return ok;
}

static bool view_find(struct obj *o, struct bytes name)
{
	o->id = ALL;
	if (bytes_is(name, "all"))
		return true;
	if (!is_list(o->fs->mirror, name))
		return false;
	o->id = numbered_put(o->fs->views, name);
	return true;
}

static bool view_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	o->id = ALL;
	*ret_n = ALL;
	return from == ALL;
}

static bool view_resolve(struct obj *o)
{
	struct bytes text;

	return o->id == ALL || numbered_get(o->fs->views, o->id, &text);
}

static void view_name(const struct obj *o, struct buf *out)
{
	struct bytes text = bytes_str("all");

	if (o->id == ALL || numbered_get(o->fs->views, o->id, &text))
		buf_put(out, text.p, text.n);
}

const struct class view_class = {
	.find = view_find,
	.next = view_next,
	.resolve = view_resolve,
	.name = view_name,
};
