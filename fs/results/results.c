#include "results.h"
#include "base/parse.h"
#include "mirror/detail.h"
#include "mirror/group.h"
#include "park/caller.h"
#include "tree/format.h"
#include "wire/task_text.h"

/* --- the entries of results/ -------------------------------------------- */

/* An id as it is listed: no leading zeros, no other spelling. */
static bool parse_id(struct bytes name, uint64_t *ret_id)
{
	if (name.n > 1 && *(const char *)name.p == '0')
		return false;
	return parse_u64(name, 0, MIRROR_MAX_ID, ret_id) == 0;
}

/* Sets the task that the entry is about, as its number says. */
static bool set_task(struct obj *o)
{
	const struct result *r = o->result;
	int64_t i = sub_index(o->sub);

	o->task = r->task;
	o->detail = r->task ? &r->detail : NULL;
	if (i < 0)
		return true;
	if (!r->group || i >= r->group->n)
		return false;
	o->task = group_task(r->group, i);
	o->detail = detail_find(r->group, (uint32_t)i);
	return true;
}

static bool set_result(struct obj *o, struct result *r)
{
	o->result = r;
	if (!r)
		return false;
	o->id = (uint32_t)r->id;
	return set_task(o);
}

static bool result_find(struct obj *o, struct bytes name)
{
	uint64_t id;

	return parse_id(name, &id) &&
	       set_result(o, mirror_result(o->fs->mirror, id));
}

static bool result_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	if (!set_result(o, index_next(&o->fs->mirror->results, from)))
		return false;
	*ret_n = o->id;
	return true;
}

static bool result_resolve(struct obj *o)
{
	return set_result(o, mirror_result(o->fs->mirror, o->id));
}

static void result_put_id(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%u", o->id);
}

const struct class result_class = {
	.find = result_find,
	.next = result_next,
	.resolve = result_resolve,
	.name = result_put_id,
};

static bool name_find(struct obj *o, struct bytes name)
{
	return set_result(o, mirror_newest(o->fs->mirror, o->by.uid, name));
}

static bool name_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	const struct mirror *m = o->fs->mirror;
	struct result *r;

	for (; (r = index_next(&m->results, from)); from = r->id + 1) {
		if (r->uid != o->by.uid || !result_is_newest_of_name(r))
			continue;
		*ret_n = r->id;
		return set_result(o, r);
	}
	return false;
}

static bool name_resolve(struct obj *o)
{
	return result_resolve(o) && result_name(o->result);
}

static void name_put(const struct obj *o, struct buf *out)
{
	buf_puts(out, result_name(o->result));
}

const struct class name_class = {
	.find = name_find,
	.next = name_next,
	.resolve = name_resolve,
	.name = name_put,
};

void name_target(const struct obj *o, struct buf *out)
{
	result_put_id(o, out);
}

static const struct result *latest(const struct obj *o)
{
	const struct mirror *m = o->fs->mirror;

	return asker_sees_all(o)
		       ? mirror_latest(m)
		       : mirror_newest(m, o->by.uid, bytes_str(""));
}

bool latest_exists(const struct obj *o)
{
	return latest(o) != NULL;
}

void latest_target(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%llu", (unsigned long long)latest(o)->id);
}

/* --- removing ----------------------------------------------------------- */

static int not_ended(const struct obj *o)
{
	struct buf why = BUF_INIT;

	buf_printf(&why, "result %llu has not ended; rm tasks/%llu aborts it",
		   (unsigned long long)o->result->id,
		   (unsigned long long)o->result->id);
	(void)callers_refuse(o->fs->callers, o->by.tid, 0, buf_str(&why));
	buf_done(&why);
	return -EBUSY;
}

int result_remove(const struct obj *o, struct wish *ret_wish)
{
	if (!result_is_final(o->result))
		return not_ended(o);
	ret_wish->verb = "purge";
	return 0;
}

/* `rm -r` begins with the files; they go with the directory. */
int result_remove_file(const struct obj *o, struct wish *ret_wish)
{
	(void)ret_wish;
	return result_is_final(o->result) ? 1 : not_ended(o);
}

/* --- options ------------------------------------------------------------ */

/* An option that has a row of its own in THE TABLE is not among these. */
static bool option_given(const struct result *r, unsigned i)
{
	return task_options[i].type != TASK_BYTES && (r->given >> i & 1);
}

static bool option_find(struct obj *o, struct bytes name)
{
	const struct task_option *t = task_option_find(name);

	if (!t)
		return false;
	o->sub = sub_of(sub_index(o->sub), (unsigned)(t - task_options));
	return option_given(o->result, sub_option(o->sub));
}

static bool option_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	uint64_t i;

	for (i = from; i < SUB_OPTIONS && o->result->given >> i; i++) {
		if (!option_given(o->result, (unsigned)i))
			continue;
		o->sub = sub_of(sub_index(o->sub), (unsigned)i);
		*ret_n = i;
		return true;
	}
	return false;
}

static bool option_resolve(struct obj *o)
{
	return result_resolve(o) &&
	       option_given(o->result, sub_option(o->sub));
}

static void option_name(const struct obj *o, struct buf *out)
{
	buf_puts(out, task_options[sub_option(o->sub)].name);
}

const struct class option_class = {
	.find = option_find,
	.next = option_next,
	.resolve = option_resolve,
	.name = option_name,
};

int result_option(const struct obj *o, struct buf *out)
{
	const struct task_option *t = &task_options[sub_option(o->sub)];
	struct json_object *all =
		json_parse(bytes_str(o->result->options), NULL);
	struct json_object *v = json_get(all, t->name);

	if (v)
		task_option_show(t, v, out);
	json_object_put(all);
	return 0;
}
