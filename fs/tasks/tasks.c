#include "tasks.h"
#include "base/parse.h"
#include "mirror/mirror.h"
#include "park/caller.h"
#include "results/results.h"
#include "submission.h"
#include "submit.h"
#include "task_name.h"
#include "wire/task_option.h"

#include <fcntl.h>

void tasks_init(struct tasks *t)
{
	list_init(&t->submissions);
	numbered_init(&t->names, TASKS_NAMES);
}

void tasks_done(struct tasks *t)
{
	while (!list_empty(&t->submissions))
		submission_free(list_first(&t->submissions, struct submission,
					   all));
	numbered_done(&t->names);
}

/* --- the unfinished ----------------------------------------------------- */

static bool unfinished_resolve(struct obj *o)
{
	o->result = index_get(&o->fs->mirror->unfinished, o->id);
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
	o->result = index_next(&o->fs->mirror->unfinished, from);
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

/* --- submitting under a name -------------------------------------------- */

static bool submit_find(struct obj *o, struct bytes name)
{
	o->id = numbered_find(&o->fs->tasks->names, name);
	return o->id && submit_is_open(o->fs, name);
}

/* Whoever has found the name may open it: names are remembered for a while. */
static bool submit_resolve(struct obj *o)
{
	struct bytes name;

	return numbered_get(&o->fs->tasks->names, o->id, &name);
}

static void submit_name(const struct obj *o, struct buf *out)
{
	struct bytes name;

	if (numbered_get(&o->fs->tasks->names, o->id, &name))
		buf_put(out, name.p, name.n);
}

static int submit_make(struct obj *o, struct bytes name, int flags)
{
	if (task_is_temporary(name, flags))
		return task_temporary_refused(o, name);
	if (!task_name_ok(name))
		return task_name_refused(o, name);
	o->id = numbered_put(&o->fs->tasks->names, name);
	return 0;
}

const struct class submit_class = {
	.find = submit_find,
	.resolve = submit_resolve,
	.name = submit_name,
	.make = submit_make,
};

/* --- what the caller did ------------------------------------------------ */

int tasks_last(const struct obj *o, struct buf *out)
{
	uint64_t id = callers_last(o->fs->callers, o->by.tid);

	if (id)
		buf_printf(out, "%llu\n", (unsigned long long)id);
	return 0;
}

int tasks_error(const struct obj *o, struct buf *out)
{
	const char *why = callers_error(o->fs->callers, o->by.tid);

	if (why)
		buf_printf(out, "%s\n", why);
	return 0;
}
