#include "draft_dir.h"
#include "draft.h"
#include "submission.h"
#include "task_name.h"

/* --- drafts ------------------------------------------------------------- */

static bool set_draft(struct obj *o, struct draft *w)
{
	o->draft = w;
	o->made = w ? &w->made : NULL;
	if (w)
		o->id = w->id;
	return w != NULL;
}

static bool find_draft(struct obj *o, struct bytes name)
{
	return set_draft(o, draft_find(o->fs->drafts, name));
}

static bool next_draft(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	if (!set_draft(o, index_next(&o->fs->drafts->by_id, from)))
		return false;
	*ret_n = o->id;
	return true;
}

static bool resolve_draft(struct obj *o)
{
	return set_draft(o, draft_get(o->fs->drafts, o->id));
}

static void put_name(const struct obj *o, struct buf *out)
{
	buf_put(out, o->draft->name, o->draft->n);
}

static int make_draft(struct obj *o, struct bytes name, int flags)
{
	struct draft *w;
	int err;

	(void)flags;
	if (task_is_temporary(name, 0))
		return task_temporary_refused(o, name);
	if (!task_name_ok(name))
		return task_name_refused(o, name);
	err = draft_new(o->fs->drafts, name, o->by.uid, o->by.gid, &w);
	if (err == -ENOSPC)
		return submission_refused(
			o->fs, o->by.tid, err,
			bytes_str("there are too many drafts: submit or "
				  "remove some"));
	if (!err)
		set_draft(o, w);
	return err;
}

const struct class draft_class = {
	.find = find_draft,
	.next = next_draft,
	.resolve = resolve_draft,
	.name = put_name,
	.make = make_draft,
};

int draft_busy(const struct obj *o, pid_t tid)
{
	if (!o->draft->sending)
		return 0;
	return callers_refuse(o->fs->callers, tid, -EBUSY,
			      "the draft is being submitted");
}

/* With all that is in it. */
int draft_remove_dir(const struct obj *o, struct wish *ret_wish)
{
	int err = draft_busy(o, o->by.tid);

	(void)ret_wish;
	if (err)
		return err;
	draft_free(o->fs->drafts, o->draft);
	return 1;
}

/* `rm -r` begins with the files; this one goes with the directory. */
int draft_remove_submit(const struct obj *o, struct wish *ret_wish)
{
	int err = draft_busy(o, o->by.tid);

	(void)ret_wish;
	return err ? err : 1;
}

/* --- their options ------------------------------------------------------ */

static bool is_there(const struct obj *o)
{
	return o->draft->option[o->sub].there;
}

static bool find_option(struct obj *o, struct bytes name)
{
	return draft_file_find(name, &o->sub) && is_there(o);
}

static bool next_option(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	uint64_t i;

	for (i = from; i < DRAFT_OPTIONS; i++) {
		o->sub = (uint32_t)i;
		*ret_n = i;
		if (is_there(o))
			return true;
	}
	return false;
}

static bool resolve_option(struct obj *o)
{
	return resolve_draft(o) && o->sub < DRAFT_OPTIONS && is_there(o);
}

static void put_option(const struct obj *o, struct buf *out)
{
	buf_puts(out, draft_file_name(o->sub));
}

static int no_option(const struct obj *o, struct bytes name)
{
	struct buf why = BUF_INIT;

	(void)task_option_unknown(name, &why);
	(void)submission_refused(o->fs, o->by.tid, -EINVAL, buf_bytes(&why));
	buf_done(&why);
	return -EINVAL;
}

static int make_option(struct obj *o, struct bytes name, int flags)
{
	unsigned i;

	if (task_is_temporary(name, flags))
		return task_temporary_refused(o, name);
	if (!draft_file_find(name, &i))
		return no_option(o, name);
	if (o->draft->sending)
		return draft_busy(o, o->by.tid);
	o->sub = i;
	o->draft->option[o->sub].there = true;
	o->draft->made.changed = now_usec();
	return 0;
}

const struct class draft_option_class = {
	.find = find_option,
	.next = next_option,
	.resolve = resolve_option,
	.name = put_option,
	.make = make_option,
};

int draft_remove_file(const struct obj *o, struct wish *ret_wish)
{
	int err = draft_busy(o, o->by.tid);

	(void)ret_wish;
	if (err)
		return err;
	draft_remove(o->fs->drafts, o->draft, o->sub);
	return 1;
}
