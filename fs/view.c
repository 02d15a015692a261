#include "rows.h"
#include "base/parse.h"
#include "wire/limits.h"

/* One list that was looked up. Id 0 is that of engines/all. */
struct view {
	struct list used;
	uint32_t id;
	size_t n;
	char text[];
};

#define ALL 0

void views_init(struct views *v)
{
	*v = (struct views){0};
	list_init(&v->used);
}

static struct bytes view_text(const struct view *w)
{
	return bytes_of(w->text, w->n);
}

static void forget(struct views *v, struct view *w)
{
	map_remove(&v->by_text, view_text(w));
	index_remove(&v->by_id, w->id);
	list_del(&w->used);
	free(w);
}

void views_done(struct views *v)
{
	while (!list_empty(&v->used))
		forget(v, list_first(&v->used, struct view, used));
	map_done(&v->by_text);
	index_done(&v->by_id);
}

static void touch(struct views *v, struct view *w)
{
	list_del(&w->used);
	list_add_tail(&v->used, &w->used);
}

static uint32_t new_id(struct views *v)
{
	do {
		v->last = v->last < MIRROR_MAX_ID ? v->last + 1 : ALL + 1;
	} while (index_get(&v->by_id, v->last));
	return v->last;
}

static struct view *remember(struct views *v, struct bytes text)
{
	struct view *w = map_get(&v->by_text, text);

	if (w) {
		touch(v, w);
		return w;
	}
	if (index_count(&v->by_id) >= VIEWS_MAX)
		forget(v, list_first(&v->used, struct view, used));
	w = zalloc(sizeof(*w) + text.n);
	memcpy(w->text, text.p, text.n);
	w->n = text.n;
	w->id = new_id(v);
	map_put(&v->by_text, text, w);
	index_put(&v->by_id, w->id, w);
	list_add_tail(&v->used, &w->used);
	return w;
}

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
	const struct mirror *m = &o->fs->mirror;
	const struct view *w;

	if (o->engine) {
		idlist_add(ret, o->engine->id);
		return 0;
	}
	if (o->id == ALL)
		return every_engine(m, ret);
	w = index_get(&o->fs->views.by_id, o->id);
	return w ? engines_of_list(m, view_text(w), ret) : -ENOENT;
}

/* --- their entries in engines/ ------------------------------------------ */

/* A number alone is an engine, or nothing. */
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
	if (!is_list(&o->fs->mirror, name))
		return false;
	o->id = remember(&o->fs->views, name)->id;
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
	struct view *w = index_get(&o->fs->views.by_id, o->id);

	if (w)
		touch(&o->fs->views, w);
	return w || o->id == ALL;
}

static void view_name(const struct obj *o, struct buf *out)
{
	const struct view *w = index_get(&o->fs->views.by_id, o->id);

	if (w)
		buf_put(out, w->text, w->n);
	else
		buf_puts(out, "all");
}

const struct class view_class = {
	.find = view_find,
	.next = view_next,
	.resolve = view_resolve,
	.name = view_name,
};
