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

/* Of a result as a whole: it can be written until that ends. */
static bool is_setting(const struct obj *o, unsigned i)
{
	return obj_index(o) < 0 && task_options[i].flags & TASK_CHANGES;
}

static bool is_given(const struct obj *o, unsigned i)
{
	return o->result->given >> i & 1;
}

/* An option that has a row of its own in THE TABLE is not among these. */
static bool option_given(const struct obj *o, unsigned i)
{
	enum task_option_type type = task_options[i].type;

	return type != TASK_BYTES && type != TASK_OUT_PATH && is_given(o, i) &&
	       !is_setting(o, i);
}

static bool option_find(struct obj *o, struct bytes name)
{
	const struct task_option *t = task_option_find(name);

	if (!t)
		return false;
	o->sub = sub_of(sub_index(o->sub), (unsigned)(t - task_options));
	return option_given(o, sub_option(o->sub));
}

static bool option_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	uint64_t i;

	for (i = from; i < SUB_OPTIONS && o->result->given >> i; i++) {
		if (!option_given(o, (unsigned)i))
			continue;
		o->sub = sub_of(sub_index(o->sub), (unsigned)i);
		*ret_n = i;
		return true;
	}
	return false;
}

static bool option_resolve(struct obj *o)
{
	return result_resolve(o) && option_given(o, sub_option(o->sub));
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

static bool setting_find(struct obj *o, struct bytes name)
{
	const struct task_option *t = task_option_find(name);
	unsigned i = t ? (unsigned)(t - task_options) : 0;

	if (!t || !is_setting(o, i))
		return false;
	o->sub = sub_of(-1, i);
	return is_given(o, i);
}

static int refuse_setting(const struct obj *o, int err, struct buf *why)
{
	(void)callers_refuse(o->fs->callers, o->by.tid, 0, buf_str(why));
	buf_done(why);
	return err;
}

static void put_ended(const struct obj *o, const char *name, struct buf *why)
{
	buf_printf(why, "%s of result %llu: it has ended", name,
		   (unsigned long long)o->result->id);
}

/* One that was not given: what is written there is given. */
static int setting_make(struct obj *o, struct bytes name, int flags)
{
	const struct task_option *t = task_option_find(name);
	struct buf why = BUF_INIT;

	(void)flags;
	if (!t)
		(void)task_option_unknown(name, &why);
	else if (!is_setting(o, (unsigned)(t - task_options)))
		buf_printf(&why, "\"%s\" cannot be changed", t->name);
	else if (result_is_final(o->result))
		put_ended(o, t->name, &why);
	else
		o->sub = sub_of(-1, (unsigned)(t - task_options));
	return why.n ? refuse_setting(o, -EPERM, &why) : 0;
}

static bool setting_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	uint64_t i;

	for (i = from; i < SUB_OPTIONS && o->result->given >> i; i++) {
		if (!is_given(o, (unsigned)i) || !is_setting(o, (unsigned)i))
			continue;
		o->sub = sub_of(-1, (unsigned)i);
		*ret_n = i;
		return true;
	}
	return false;
}

static bool setting_resolve(struct obj *o)
{
	return result_resolve(o) && is_setting(o, sub_option(o->sub));
}

const struct class setting_class = {
	.find = setting_find,
	.next = setting_next,
	.resolve = setting_resolve,
	.name = option_name,
	.make = setting_make,
};

int result_set_option(const struct obj *o, struct bytes value,
		      struct wish *ret_wish)
{
	const struct task_option *t = &task_options[sub_option(o->sub)];
	struct buf why = BUF_INIT;
	int err = 0;

	if (result_is_final(o->result)) {
		put_ended(o, t->name, &why);
		return refuse_setting(o, -EPERM, &why);
	}
	if (parse_trim(value).n)
		err = task_option_parse(t, value, &ret_wish->value, &why);
	ret_wish->verb = "set";
	ret_wish->option = t->name;
	return err ? refuse_setting(o, err, &why) : 0;
}

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
