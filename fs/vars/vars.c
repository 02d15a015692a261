#include "vars.h"
#include "base/log.h"
#include "cluster/engines.h"
#include "cluster/view.h"
#include "link/link.h"
#include "mirror/mirror.h"
#include "wire/scan.h"
#include "wire/variable.h"

/* --- which engines ------------------------------------------------------ */

struct var_name *vars_name(const struct obj *o)
{
	return var_name_of(o->fs->mirror, o->sub);
}

int vars_engines(const struct obj *o, struct idlist *ret)
{
	int err = view_engines(o, ret);

	return !err && !link_is_up(o->fs->link) ? -EHOSTDOWN : err;
}

bool vars_as_lines(const struct obj *o)
{
	return o->node->each == &scatter_class ||
	       o->node->each == &gather_class;
}

int vars_owners(const struct obj *o, struct idlist *ret)
{
	struct idlist all = {0};
	int err = view_engines(o, &all);
	const struct engine *e;
	size_t i;

	for (i = 0; i < all.n && !err; i++) {
		e = mirror_engine(o->fs->mirror, all.id[i]);
		if (e && variable_find(e, o->sub))
			idlist_add(ret, e->id);
	}
	idlist_done(&all);
	return err ? err : ret->n ? 0 : -ENOENT;
}

/* --- the entries -------------------------------------------------------- */

static bool is_there(const struct obj *o)
{
	struct idlist owners = {0};
	bool yes = vars_owners(o, &owners) == 0;

	idlist_done(&owners);
	return yes;
}

static bool var_find(struct obj *o, struct bytes text)
{
	const struct var_name *name = var_name_find(o->fs->mirror, text);

	if (!name)
		return false;
	o->sub = name->id;
	return is_there(o);
}

/* A view has the variables that any of its engines has. */
static bool var_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	struct idlist engines = {0};
	uint32_t first = UINT32_MAX;
	size_t i;

	if (from < UINT32_MAX && view_engines(o, &engines) == 0) {
		for (i = 0; i < engines.n; i++) {
			const struct engine *e = mirror_engine(
				o->fs->mirror, engines.id[i]);
			const struct variable *v =
				e ? variable_next(e, (uint32_t)from) : NULL;

			if (v && v->name->id < first)
				first = v->name->id;
		}
	}
	idlist_done(&engines);
	if (first == UINT32_MAX)
		return false;
	o->sub = first;
	*ret_n = first;
	return true;
}

/* The name of a variable that is being written is known before it is there. */
static bool name_is_known(const struct obj *o)
{
	return vars_name(o) != NULL;
}

static bool engine_var_resolve(struct obj *o)
{
	return engine_class.resolve(o) && name_is_known(o);
}

static bool view_var_resolve(struct obj *o)
{
	return view_class.resolve(o) && name_is_known(o);
}

static void var_name(const struct obj *o, struct buf *out)
{
	const struct var_name *name = vars_name(o);

	if (name)
		buf_put(out, name->text, name->n);
}

_Static_assert(VAR_NAME_BITS <= SUB_BITS,
	       "the number of a name is the sub of an obj");

void vars_init(struct vars *v)
{
	list_init(&v->pushes);
	list_init(&v->scatters);
}

void vars_forget_made(struct fs *fs)
{
	if (fs->vars->made)
		var_name_put(fs->mirror, fs->vars->made);
	fs->vars->made = NULL;
}

/* The name stays known until the open file, which is next, holds it. */
static int var_make(struct obj *o, struct bytes text, int flags)
{
	struct idlist engines = {0};
	int err = vars_engines(o, &engines);

	(void)flags;
	idlist_done(&engines);
	if (!variable_name_ok(text))
		return -EINVAL;
	if (err)
		return err;
	vars_forget_made(o->fs);
	o->fs->vars->made = var_name_get(o->fs->mirror, text);
	o->sub = o->fs->vars->made->id;
	return 0;
}

const struct class engine_var_class = {
	.find = var_find,
	.next = var_next,
	.resolve = engine_var_resolve,
	.name = var_name,
	.make = var_make,
};

const struct class view_var_class = {
	.find = var_find,
	.next = var_next,
	.resolve = view_var_resolve,
	.name = var_name,
	.make = var_make,
};

const struct class scatter_class = {
	.find = var_find,
	.next = var_next,
	.resolve = view_var_resolve,
	.name = var_name,
	.make = var_make,
};

const struct class gather_class = {
	.find = var_find,
	.next = var_next,
	.resolve = view_var_resolve,
	.name = var_name,
};

/* --- size and time ------------------------------------------------------ */

/* Of all engines together: bytes, and the newest time. */
static void sum(const struct obj *o, uint64_t *ret_size, int64_t *ret_mtime)
{
	struct idlist owners = {0};
	const struct variable *v;
	size_t i;

	*ret_size = 0;
	*ret_mtime = 0;
	if (vars_owners(o, &owners) == 0) {
		for (i = 0; i < owners.n; i++) {
			v = variable_find(mirror_engine(o->fs->mirror,
							owners.id[i]),
					  o->sub);
			*ret_size += (uint64_t)(vars_as_lines(o) &&
								v->lines >= 0
							? v->lines
							: v->size);
			if (v->mtime > *ret_mtime)
				*ret_mtime = v->mtime;
		}
	}
	idlist_done(&owners);
}

uint64_t vars_size(const struct obj *o)
{
	uint64_t size;
	int64_t mtime;

	sum(o, &size, &mtime);
	return size;
}

int64_t vars_mtime(const struct obj *o)
{
	uint64_t size;
	int64_t mtime;

	sum(o, &size, &mtime);
	return mtime ? mtime : now_usec();
}
