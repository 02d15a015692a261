#include "base/base.h"
#include "mirror.h"
#include "wire/limits.h"
#include "wire/scan.h"
#include "wire/variable.h"

/* --- names -------------------------------------------------------------- */

struct var_name *var_name_find(const struct mirror *m, struct bytes text)
{
	return map_get(&m->var_names.by_text, text);
}

struct var_name *var_name_of(const struct mirror *m, uint32_t id)
{
	return index_get(&m->var_names.by_id, id);
}

static uint32_t new_id(struct var_names *names)
{
	do {
		names->last = (names->last + 1) & ((1U << VAR_NAME_BITS) - 1);
	} while (!names->last || index_get(&names->by_id, names->last));
	return names->last;
}

struct var_name *var_name_get(struct mirror *m, struct bytes text)
{
	struct var_name *name = var_name_find(m, text);

	if (!name) {
		name = zalloc(sizeof(*name) + text.n + 1);
		memcpy(name->text, text.p, text.n);
		name->n = text.n;
		name->id = new_id(&m->var_names);
		map_put(&m->var_names.by_text, text, name);
		index_put(&m->var_names.by_id, name->id, name);
	}
	name->users++;
	return name;
}

void var_name_put(struct mirror *m, struct var_name *name)
{
	if (--name->users)
		return;
	map_remove(&m->var_names.by_text, bytes_of(name->text, name->n));
	index_remove(&m->var_names.by_id, name->id);
	free(name);
}

void var_names_done(struct mirror *m)
{
	map_done(&m->var_names.by_text);
	index_done(&m->var_names.by_id);
}

/* --- the variables of an engine ----------------------------------------- */

struct variable *variable_find(const struct engine *e, uint32_t name)
{
	struct variable *v = index_get(&e->vars.by_name, name);

	return v && !v->gone ? v : NULL;
}

struct variable *variable_next(const struct engine *e, uint32_t from)
{
	struct variable *v;

	while ((v = index_next(&e->vars.by_name, from)) && v->gone)
		from = v->name->id + 1;
	return v;
}

static struct variable *add(struct mirror *m, struct engine *e,
			    struct bytes text)
{
	struct variable *v = zalloc(sizeof(*v));

	v->name = var_name_get(m, text);
	v->lines = -1;
	index_put(&e->vars.by_name, v->name->id, v);
	return v;
}

static void drop(struct mirror *m, struct engine *e, struct variable *v)
{
	index_remove(&e->vars.by_name, v->name->id);
	var_name_put(m, v->name);
	free(v);
}

void variables_drop(struct mirror *m, struct engine *e)
{
	struct variable *v;

	while ((v = index_next(&e->vars.by_name, 0)))
		drop(m, e, v);
	index_done(&e->vars.by_name);
	e->vars = (struct variables){0};
}

/* --- what an engine says ------------------------------------------------ */

struct told {
	char *name;
	bool gone;
	int64_t size, mtime, version, lines;
};

static bool read_told(struct bytes value, struct told *t)
{
	struct bytes name, size, mtime, version, lines;
	struct scan s;

	if (!scan_array(&s, value) || !scan_element(&s, &name) ||
	    !scan_element(&s, &size) || !scan_element(&s, &mtime) ||
	    !scan_element(&s, &version))
		return false;
	t->gone = scan_is_null(size);
	t->size = 0;
	if ((!t->gone && !scan_int(size, &t->size)) ||
	    !scan_int(mtime, &t->mtime) || !scan_int(version, &t->version) ||
	    t->size < 0 || t->version < 0)
		return false;
	t->lines = -1;
	if (scan_element(&s, &lines) && !scan_int(lines, &t->lines))
		return false;
	t->name = scan_text(name);
	if (t->name && variable_name_ok(bytes_str(t->name)))
		return true;
	free(t->name);
	return false;
}

static void take(struct mirror *m, struct engine *e, const struct told *t,
		 bool reply)
{
	struct var_name *name = var_name_find(m, bytes_str(t->name));
	struct variable *v = name ? index_get(&e->vars.by_name, name->id)
				  : NULL;

	if (v)
		v->unnamed = false;
	/* What was known when the value went out may be told once more. */
	if (v && (v->version > (uint64_t)t->version ||
		  (v->expected && v->version &&
		   v->version == (uint64_t)t->version)))
		return;
	if (t->gone && v && !reply) {
		drop(m, e, v);
		return;
	}
	if (!v && (t->gone || index_count(&e->vars.by_name) >=
				      2 * LIMIT_VARIABLES))
		return;
	if (!v)
		v = add(m, e, bytes_str(t->name));
	/* The change that says so may come behind one that is older. */
	v->gone = t->gone;
	v->expected = false;
	v->size = t->size;
	v->lines = t->lines;
	v->mtime = t->mtime;
	v->version = (uint64_t)t->version;
}

/* A listing of all: what it does not name is gone, unless that is newer. */
static void mark_older(struct engine *e, uint64_t version)
{
	struct variable *v;
	uint32_t from = 0;

	for (; (v = index_next(&e->vars.by_name, from)); from = v->name->id + 1)
		v->unnamed = v->version <= version && !v->expected;
}

static void drop_unnamed(struct mirror *m, struct engine *e)
{
	struct variable *v;
	uint32_t from = 0;

	while ((v = index_next(&e->vars.by_name, from))) {
		from = v->name->id + 1;
		if (v->unnamed)
			drop(m, e, v);
	}
}

struct object {
	int64_t version;
	bool all, on_demand;
	struct bytes list;
};

void variables_merge(struct mirror *m, struct engine *e, struct bytes object,
		     bool reply)
{
	static const struct field fields[] = {
		{"version", FIELD_INT, offsetof(struct object, version), 0},
		{"on_demand", FIELD_BOOL, offsetof(struct object, on_demand), 0},
		{"all", FIELD_BOOL, offsetof(struct object, all), 0},
		{"list", FIELD_SPAN, offsetof(struct object, list), 0},
		{.name = NULL},
	};
	struct object o = {0};
	struct bytes value;
	struct scan s;
	struct told t;

	if (!scan_fields(object, fields, &o) || o.version < 0)
		return;
	e->vars.on_demand |= o.on_demand;
	if (o.all)
		mark_older(e, (uint64_t)o.version);
	if (scan_array(&s, o.list)) {
		while (scan_element(&s, &value)) {
			if (!read_told(value, &t))
				continue;
			take(m, e, &t, reply);
			free(t.name);
		}
	}
	if (o.all)
		drop_unnamed(m, e);
}

/* --- what is written here ----------------------------------------------- */

void variable_expect(struct mirror *m, struct engine *e, struct var_name *name)
{
	struct variable *v = index_get(&e->vars.by_name, name->id);

	if (!v)
		v = add(m, e, bytes_of(name->text, name->n));
	if (!v->expected) {
		v->size_was = v->size;
		v->mtime_was = v->mtime;
	}
	v->gone = false;
	v->expected = true;
	v->size = 0;
	v->lines = -1;
	v->mtime = now_usec();
}

void variable_unexpect(struct mirror *m, struct engine *e, uint32_t name)
{
	struct variable *v = index_get(&e->vars.by_name, name);

	if (!v || !v->expected)
		return;
	if (!v->version) {
		drop(m, e, v);
		return;
	}
	v->expected = false;
	v->size = v->size_was;
	v->mtime = v->mtime_was;
}
