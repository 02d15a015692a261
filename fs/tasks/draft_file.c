#include "draft_file.h"
#include "base/parse.h"
#include "draft.h"
#include "open/file.h"
#include "park/reply.h"
#include "submission.h"
#include "tree/tree.h"
#include "wire/limits.h"
#include "draft_dir.h"

#include <fcntl.h>

/* The text that an open file has of an option. */
struct edit {
	struct buf text;
	bool wrote;	/* somebody wrote, or tried to */
	bool pending;	/* the text is not the option's yet */
};

static int refused(struct fs *fs, pid_t tid, int err, struct buf *why)
{
	if (err && why->n)
		(void)submission_refused(fs, tid, err, buf_bytes(why));
	buf_done(why);
	return err;
}

static int resize(const struct obj *o, uint64_t size, pid_t tid)
{
	struct buf why = BUF_INIT;
	int err = draft_resize(o->fs->drafts, o->draft, o->sub, size, &why);

	return refused(o->fs, tid, err, &why);
}

static void begin_again(struct edit *e, const struct draft_option *o)
{
	buf_clear(&e->text);
	buf_put(&e->text, o->text.p, o->text.n);
	e->pending = false;
}

static int draft_open(struct file *f, struct obj *o)
{
	struct edit *e;

	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	if (o->draft->sending)
		return draft_busy(o, o->by.tid);
	if (draft_is_raw(o->sub))
		return f->flags & O_TRUNC ? resize(o, 0, o->by.tid) : 0;
	e = zalloc(sizeof(*e));
	if (!(f->flags & O_TRUNC))
		begin_again(e, &o->draft->option[o->sub]);
	f->private = e;
	return 0;
}

/* --- reading ------------------------------------------------------------ */

static uint64_t draft_size(const struct obj *o)
{
	const struct draft_option *x = &o->draft->option[o->sub];

	return draft_is_raw(o->sub) ? x->blob.size : x->text.n;
}

/* A reader gets the text as it was at its first READ: it must not tear. */
static int read_text(struct file *f, const struct obj *o,
		     const struct ask *ask, struct answer *a)
{
	const struct edit *e = f->private;
	const struct buf *text = e ? &e->text : &o->draft->option[o->sub].text;

	if (!f->rendered || ask->off == 0) {
		buf_clear(&f->copy);
		buf_put(&f->copy, text->p, text->n);
		f->rendered = true;
	}
	answer_slice(a, buf_bytes(&f->copy), ask->off, ask->size);
	return 0;
}

static int draft_read_file(struct file *f, struct obj *o,
			   const struct ask *ask, struct answer *a)
{
	int err;

	if (!draft_is_raw(o->sub))
		return read_text(f, o, ask, a);
	buf_clear(&f->copy);
	err = draft_read(o->draft, o->sub, ask->off, ask->size, &f->copy);
	if (!err)
		answer_add(a, f->copy.p, f->copy.n);
	return err;
}

/* --- writing ------------------------------------------------------------ */

static bool has_lines(unsigned i)
{
	switch (task_options[i].type) {
	case TASK_ITEMS:
	case TASK_LIST:
	case TASK_ENV:
	case TASK_NAMES:
	case TASK_IDS:
	case TASK_RESULTS:
	case TASK_FAILURES:
	case TASK_AMOUNTS:
		return true;
	default:
		return false;
	}
}

/* Of a list the lines that have ended: the last line may not be complete. */
static struct bytes whole(const struct buf *text, unsigned i)
{
	const char *end = text->n && has_lines(i)
				  ? memrchr(text->p, '\n', text->n)
				  : NULL;

	if (!has_lines(i))
		return buf_bytes(text);
	return bytes_of(text->p, end ? (size_t)(end + 1 - text->p) : 0);
}

static int write_text(struct file *f, const struct obj *o, struct bytes data,
		      uint64_t off, struct buf *why)
{
	struct edit *e = f->private;
	struct buf text = BUF_INIT;
	struct bytes good;
	int err = 0;

	e->wrote = true;
	off = f->flags & O_APPEND ? e->text.n : off;
	if (off > e->text.n)
		return -EINVAL;
	if (off + data.n > LIMIT_OPTIONS)
		return -EFBIG;
	buf_put(&text, e->text.p, off);
	buf_put(&text, data.p, data.n);
	if (text.n < e->text.n)
		buf_put(&text, e->text.p + text.n, e->text.n - text.n);
	good = whole(&text, o->sub);
	if (good.n == text.n)
		err = draft_set(f->fs->drafts, o->draft, o->sub, good, why);
	/* Of the environment nobody knows before the end what is a line: env -0. */
	else if (good.n && memchr(data.p, '\n', data.n) &&
		 task_options[o->sub].type != TASK_ENV)
		err = draft_check(o->draft, o->sub, good, why);
	if (err) {
		buf_done(&text);
		return err;
	}
	e->pending = good.n != text.n;
	buf_done(&e->text);
	e->text = text;
	return 0;
}

static int draft_write_file(struct file *f, struct bytes data, uint64_t off,
			    size_t *ret_taken)
{
	struct buf why = BUF_INIT;
	struct obj o;
	int err = tree_obj(f->fs, f->ino, NULL, &o);

	*ret_taken = data.n;
	if (err)
		return err;
	if (o.draft->sending)
		return draft_busy(&o, f->tid);
	if (f->private)
		err = write_text(f, &o, data, off, &why);
	else
		err = draft_write(f->fs->drafts, o.draft, o.sub,
				  f->flags & O_APPEND ? draft_size(&o) : off,
				  data, &why);
	return refused(f->fs, f->tid, err, &why);
}

/* What was written and is not the option's yet. */
static int finish(struct file *f, pid_t tid)
{
	struct edit *e = f->private;
	struct buf why = BUF_INIT;
	struct obj o;
	int err = 0;

	if (!e || !e->pending || tree_obj(f->fs, f->ino, NULL, &o))
		return 0;
	if (o.draft->sending)
		return draft_busy(&o, tid);
	err = draft_set(f->fs->drafts, o.draft, o.sub, buf_bytes(&e->text),
			&why);
	if (err)
		begin_again(e, &o.draft->option[o.sub]);
	e->pending = false;
	return refused(f->fs, tid, err, &why);
}

static int draft_flush(struct file *f, const struct ask *ask)
{
	return finish(f, ask->tid);
}

/* `: > file` empties it; a shell flushes before it writes, so only now. */
static void draft_release(struct file *f)
{
	struct edit *e = f->private;
	struct buf why = BUF_INIT;
	struct obj o;

	if (!e)
		return;
	(void)!finish(f, f->tid);
	if (!e->wrote && (f->flags & O_TRUNC) &&
	    tree_obj(f->fs, f->ino, NULL, &o) == 0 && !o.draft->sending)
		(void)!draft_set(f->fs->drafts, o.draft, o.sub,
				 bytes_of("", 0), &why);
	buf_done(&why);
	buf_done(&e->text);
	free(e);
}

int draft_resize_file(const struct obj *o, uint64_t size)
{
	const struct draft_option *x = &o->draft->option[o->sub];
	struct buf why = BUF_INIT;
	int err;

	if (o->draft->sending)
		return draft_busy(o, o->by.tid);
	if (draft_is_raw(o->sub))
		return resize(o, size, o->by.tid);
	if (size > x->text.n)
		return -EINVAL;
	err = draft_set(o->fs->drafts, o->draft, o->sub,
			bytes_of(x->text.p, size), &why);
	return refused(o->fs, o->by.tid, err, &why);
}

const struct io draft_file_io = {
	.writable = true,
	.open = draft_open,
	.read = draft_read_file,
	.size = draft_size,
	.write = draft_write_file,
	.flush = draft_flush,
	.release = draft_release,
};
