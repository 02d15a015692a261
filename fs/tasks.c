#include "rows.h"

/* --- the unfinished ----------------------------------------------------- */

static bool unfinished_resolve(struct obj *o)
{
	o->result = index_get(&o->fs->mirror.unfinished, o->id);
	return o->result != NULL;
}

static bool unfinished_find(struct obj *o, struct bytes name)
{
	if (!result_class.find(o, name))
		return false;
	return unfinished_resolve(o);
}

static bool unfinished_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	o->result = index_next(&o->fs->mirror.unfinished, from);
	if (!o->result)
		return false;
	o->id = (uint32_t)o->result->id;
	*ret_n = o->id;
	return true;
}

static void unfinished_name(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%u", o->id);
}

const struct class unfinished_class = {
	.find = unfinished_find,
	.next = unfinished_next,
	.resolve = unfinished_resolve,
	.name = unfinished_name,
};

void task_target(const struct obj *o, struct buf *out)
{
	buf_printf(out, "../results/%u", o->id);
}

int task_remove(const struct obj *o, struct wish *ret_wish)
{
	(void)o;
	ret_wish->verb = "abort";
	return 0;
}

/* --- what the caller did ------------------------------------------------ */

int tasks_last(const struct obj *o, struct buf *out)
{
	uint64_t id = callers_last(&o->fs->callers, o->tid);

	if (id)
		buf_printf(out, "%llu\n", (unsigned long long)id);
	return 0;
}

int tasks_error(const struct obj *o, struct buf *out)
{
	const char *why = callers_error(&o->fs->callers, o->tid);

	if (why)
		buf_printf(out, "%s\n", why);
	return 0;
}
