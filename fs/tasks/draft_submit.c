#include "draft_submit.h"
#include "base/parse.h"
#include "draft.h"
#include "dress.h"
#include "open/file.h"
#include "submission.h"
#include "tree/tree.h"

static int submit_open(struct file *f, struct obj *o)
{
	struct submission *s;
	int err = submission_open(f, o);

	s = f->private;
	if (s)
		s->draft = o->id;
	return err;
}

static void answered(struct submission *s, bool stored)
{
	struct draft *w = draft_get(s->fs->drafts, s->draft);

	if (!w)
		return;
	w->sending = false;
	if (stored)
		draft_free(s->fs->drafts, w);
}

/* stdin and map stay in the draft, which does not change while it is sent. */
static void send_task(struct submission *s, struct draft *w,
		      struct draft_task *t)
{
	struct buf code = BUF_INIT;
	struct item *it;

	buf_put(&code, t->code.p, t->code.n);
	it = submission_add(s, json_object_get(t->options), &code);
	it->has_stdin = t->has_stdin;
	it->stdin_bytes = t->stdin_;
	it->has_map = t->has_map;
	it->map = t->map;
	w->sending = true;
	s->refused = false;
	s->answered = answered;
	submission_end(s);
	if (!s->out)
		w->sending = false;
}

static int submit_draft(struct submission *s, struct draft *w, struct buf *why)
{
	struct draft_task t;
	int err;

	if (w->sending) {
		buf_puts(why, "it is being submitted already");
		return -EBUSY;
	}
	err = draft_task(s->fs->drafts, w, &t, why);
	if (err)
		return err;
	err = dress_options(s->tid, s->origin, t.code, t.has_map, t.options,
			    why);
	if (!err)
		send_task(s, w, &t);
	draft_task_done(&t);
	return err ? err : submission_outcome(s);
}

static int submit_write(struct file *f, struct bytes data, uint64_t off,
			size_t *ret_taken)
{
	struct submission *s = f->private;
	struct buf why = BUF_INIT;
	struct obj o;
	int err = tree_obj(f->fs, f->ino, NULL, &o);

	(void)off;
	*ret_taken = data.n;
	if (!err && !bytes_is(parse_trim(data), "1")) {
		buf_puts(&why, "write 1 to submit");
		err = -EINVAL;
	}
	if (!err)
		err = submit_draft(s, o.draft, &why);
	if (why.n)
		(void)submission_refused(f->fs, s->tid, err, buf_bytes(&why));
	buf_done(&why);
	return err;
}

static int submit_flush(struct file *f, const struct ask *ask)
{
	(void)ask;
	return f->private ? submission_outcome(f->private) : 0;
}

static int submit_again(struct file *f, enum parked_kind kind)
{
	(void)kind;
	return submission_outcome(f->private);
}

static int submit_read(struct file *f, struct obj *o, const struct ask *ask,
		       struct answer *a)
{
	(void)f;
	(void)o;
	(void)ask;
	(void)a;
	return 0;
}

const struct io draft_submit_io = {
	.writable = true,
	.open = submit_open,
	.read = submit_read,
	.write = submit_write,
	.flush = submit_flush,
	.again = submit_again,
	.release = submission_release,
};
