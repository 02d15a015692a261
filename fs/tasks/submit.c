#include "submit.h"
#include "cluster/view.h"
#include "link/link.h"
#include "open/file.h"
#include "park/caller.h"
#include "park/reply.h"
#include "submission.h"
#include "tasks.h"
#include "tree/tree.h"

#include <fcntl.h>

/* --- submitting --------------------------------------------------------- */

static bool is_opener(const struct submission *s, pid_t tid)
{
	struct process p;

	return tid == s->tid ||
	       (process_of_thread(tid, &p) && p.pid == s->who.pid &&
		p.start == s->who.start);
}

static int submit_write(struct file *f, struct bytes data, uint64_t off,
			size_t *ret_taken)
{
	(void)off;
	return submission_write(f->private, data, ret_taken);
}

static int submit_flush(struct file *f, const struct ask *ask)
{
	struct submission *s = f->private;

	if (!s || (submission_is_empty(s) && !s->out && !s->err) ||
	    !is_opener(s, ask->tid))
		return 0;
	submission_end(s);
	return submission_outcome(s);
}

static int submit_again(struct file *f, enum parked_kind kind)
{
	struct submission *s = f->private;

	if (kind == PARKED_WRITE)
		return submission_written(s);
	return submission_outcome(s);
}

/* --- reading back ------------------------------------------------------- */

static int submit_read(struct file *f, struct obj *o, const struct ask *ask,
		       struct answer *a)
{
	struct submission *s = f->private;
	const char *end;
	int err;

	(void)o;
	if (!s)
		return 0;
	buf_shift(&s->ids, s->ids_sent);
	s->ids_sent = 0;
	if (!submission_is_empty(s))
		submission_end(s);
	if (!s->ids.n) {
		err = submission_outcome(s);
		if (err)
			return err;
	}
	/* A shell gives back what it reads behind the line: never more. */
	end = s->ids.n ? memchr(s->ids.p, '\n', s->ids.n) : NULL;
	if (end)
		answer_slice(a, bytes_of(s->ids.p,
					 (size_t)(end + 1 - s->ids.p)),
			     0, ask->size);
	s->ids_sent = a->n;
	return 0;
}

static int submit_ready(struct file *f, const struct obj *o)
{
	const struct submission *s = f->private;

	(void)o;
	return s && s->out && s->ids.n == s->ids_sent ? -EAGAIN : 0;
}

/* --- opening and closing ------------------------------------------------ */

static int submit_open(struct file *f, struct obj *o)
{
	struct submission *s;
	int err = submission_open(f, o);

	s = f->private;
	if (s)
		s->readable = (f->flags & O_ACCMODE) == O_RDWR;
	return err;
}

const struct io submit_io = {
	.writable = true,
	.open = submit_open,
	.ready = submit_ready,
	.read = submit_read,
	.write = submit_write,
	.flush = submit_flush,
	.again = submit_again,
	.release = submission_release,
};

/* --- on one engine, on each of a view ----------------------------------- */

static bool are_targets(struct json_object *given, const struct idlist *ids)
{
	size_t i;

	if (json_object_array_length(given) != ids->n)
		return false;
	for (i = 0; i < ids->n; i++)
		if (json_object_get_int64(json_object_array_get_idx(
			    given, i)) != (int64_t)ids->id[i])
			return false;
	return true;
}

static void add_targets(struct json_object *options, const struct idlist *ids)
{
	struct json_object *a = json_object_new_array();
	size_t i;

	for (i = 0; i < ids->n; i++)
		json_push(a, json_object_new_int64((int64_t)ids->id[i]));
	json_add(options, "targets", a);
}

/*
 * The engines there are now. One that went since the open is told by the
 * result, as it is when it goes later.
 */
static void find_engines(const struct submission *s, struct idlist *ids)
{
	struct obj o;
	size_t i;

	if (tree_obj(s->fs, s->file->ino, NULL, &o) == 0 &&
	    view_engines(&o, ids) == 0)
		return;
	ids->n = 0;
	for (i = 0; i < s->engines.n; i++)
		idlist_add(ids, s->engines.id[i]);
}

/* One task for each engine of a view; a map is spread over them. */
static int dress_for_view(struct submission *s, struct json_object *options,
			  bool *ret_view, struct buf *why)
{
	struct json_object *given = json_get(options, "targets");
	struct idlist ids = {0};
	int err = 0;

	find_engines(s, &ids);
	if (!given) {
		add_targets(options, &ids);
	} else if (!are_targets(given, &ids)) {
		buf_puts(why, "\"targets\" are other engines than those of "
			      "this directory");
		err = -EINVAL;
	}
	*ret_view = s->view && !json_get(options, "map");
	idlist_done(&ids);
	return err;
}

static int view_submit_open(struct file *f, struct obj *o)
{
	struct idlist ids = {0};
	int err = view_engines(o, &ids);

	if (err && link_is_up(f->fs->link))
		(void)submission_refused(
			f->fs, o->by.tid, err,
			bytes_str(err == -ENXIO ? "there is no engine"
						: "an engine is gone"));
	else
		err = submit_open(f, o);
	if (f->private) {
		struct submission *s = f->private;

		s->dress = dress_for_view;
		s->view = !o->engine;
		s->engines = ids;
		return 0;
	}
	idlist_done(&ids);
	return err;
}

const struct io view_submit_io = {
	.writable = true,
	.outlives = true,
	.open = view_submit_open,
	.ready = submit_ready,
	.read = submit_read,
	.write = submit_write,
	.flush = submit_flush,
	.again = submit_again,
	.release = submission_release,
};

/* --- under a name ------------------------------------------------------- */

static int dress_with_label(struct submission *s, struct json_object *options,
			    bool *ret_view, struct buf *why)
{
	const char *given = json_get_str(options, "label", NULL);

	(void)ret_view;
	if (!given)
		json_add_str(options, "label", s->label);
	else if (strcmp(given, s->label) != 0)
		buf_printf(why, "\"label\" is another name than that of "
				"tasks/%s", s->label);
	return why->n ? -EINVAL : 0;
}

static int named_submit_open(struct file *f, struct obj *o)
{
	struct bytes name;
	struct submission *s;
	bool known = numbered_get(&f->fs->tasks->names, o->id, &name);
	int err = known ? submit_open(f, o) : -ENOENT;

	s = f->private;
	if (s) {
		s->dress = dress_with_label;
		s->label = xmemdup_nul(name.p, name.n);
	}
	return err;
}

const struct io named_submit_io = {
	.writable = true,
	.open = named_submit_open,
	.ready = submit_ready,
	.read = submit_read,
	.write = submit_write,
	.flush = submit_flush,
	.again = submit_again,
	.release = submission_release,
};

bool submit_is_open(const struct fs *fs, struct bytes name)
{
	const struct list *l;

	list_for_each (l, &fs->tasks->submissions) {
		const struct submission *s =
			list_entry(l, struct submission, all);

		if (s->file && s->label && bytes_is(name, s->label))
			return true;
	}
	return false;
}
