#include "pool_file.h"
#include "mirror/mirror.h"
#include "open/file.h"
#include "park/reply.h"
#include "pool_ask.h"
#include "pools.h"
#include "tree/tree.h"
#include "wire/pool_option.h"

#include <fcntl.h>

/* The text that a file opened for writing has. */
struct pool_edit {
	struct file *file;	/* NULL: it is closed */
	struct process who;	/* has opened it */
	uid_t uid;
	struct buf text;
	bool wrote;		/* somebody wrote, or tried to */
	bool emptied;		/* that was sent, as nothing was written */
	bool pending;		/* the text was not sent yet */
	bool killed;		/* who wrote it: the text may not be whole */
	unsigned flushes;	/* by who opened it, before the first write */
	unsigned out;		/* requests on their way */
	int err;		/* of the last one that was answered */
};

struct set {
	struct pool_ask a;
	struct pool_edit *e;
};

static const struct pool_option *option_of(const struct obj *o)
{
	return &pool_options[o->sub];
}

static void begin_again(struct pool_edit *e, const struct obj *o)
{
	buf_clear(&e->text);
	pool_option_put(o->pool, o->sub, &e->text);
	e->pending = false;
}

static int option_open(struct file *f, struct obj *o)
{
	struct pool_edit *e;
	int err;

	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	err = pool_ask_possible(o->fs, o->by.tid);
	if (err)
		return err;
	e = zalloc(sizeof(*e));
	e->file = f;
	e->uid = o->by.uid;
	(void)!process_of_thread(o->by.tid, &e->who);
	if (!(f->flags & O_TRUNC))
		begin_again(e, o);
	f->private = e;
	return 0;
}

/* --- reading ------------------------------------------------------------ */

static uint64_t option_size(const struct obj *o)
{
	static struct buf b;

	buf_clear(&b);
	pool_option_put(o->pool, o->sub, &b);
	return b.n;
}

/* A reader gets the text as it was at its first READ: it must not tear. */
static int option_read(struct file *f, struct obj *o, const struct ask *ask,
		       struct answer *a)
{
	const struct pool_edit *e = f->private;

	if (!f->rendered || ask->off == 0) {
		buf_clear(&f->copy);
		if (e)
			buf_put(&f->copy, e->text.p, e->text.n);
		else
			pool_option_put(o->pool, o->sub, &f->copy);
		f->rendered = true;
	}
	answer_slice(a, buf_bytes(&f->copy), ask->off, ask->size);
	return 0;
}

/* --- sending ------------------------------------------------------------ */

static void edit_free(struct pool_edit *e)
{
	if (e->file || e->out)
		return;
	buf_done(&e->text);
	free(e);
}

static void on_set(struct pool_ask *a, int err)
{
	struct set *s = container_of(a, struct set, a);
	struct pool_edit *e = s->e;

	free(s);
	e->out--;
	e->err = err;
	if (e->file)
		park_wake(e->file->fs->park, &e->file->waiter);
	else
		edit_free(e);
}

static int refuse(struct fs *fs, const struct process *who, int err,
		  struct buf *why)
{
	if (err && why->n)
		callers_refused(fs->callers, who, buf_str(why));
	buf_done(why);
	return err;
}

/* The whole text, if it is a good one, is the option from now on. */
static int send_text(struct pool_edit *e, const struct obj *o,
		     const struct process *who)
{
	struct buf why = BUF_INIT;
	struct json_object *value;
	struct bytes kept;
	struct set *s;
	int err = pool_option_check(option_of(o), buf_bytes(&e->text), &kept,
				    &why);

	e->pending = false;
	if (err)
		return refuse(o->fs, who, err, &why);
	value = json_object_new_object();
	json_add(value, option_of(o)->name,
		 json_object_new_string_len(kept.p, (int)kept.n));
	s = zalloc(sizeof(*s));
	s->e = e;
	s->a.fs = o->fs;
	s->a.what = "set";
	s->a.who = *who;
	s->a.done = on_set;
	err = pool_ask(&s->a, bytes_of(o->pool->name, o->pool->n), value,
		       e->uid, false);
	if (err)
		free(s);
	else
		e->out++;
	return err;
}

static int outcome(struct pool_edit *e)
{
	int err = e->err;

	if (e->out)
		return -EINPROGRESS;
	e->err = 0;
	return err;
}

static int option_again(struct file *f, enum parked_kind kind)
{
	(void)kind;
	return outcome(f->private);
}

/* --- writing ------------------------------------------------------------ */

/* The lines that have ended: the last one may not be complete. */
static struct bytes whole(const struct buf *text)
{
	const char *end = text->n ? memrchr(text->p, '\n', text->n) : NULL;

	return bytes_of(text->p, end ? (size_t)(end + 1 - text->p) : 0);
}

static int check_lines(const struct pool_option *x, const struct buf *text,
		       struct buf *why)
{
	struct bytes lines = whole(text), kept;

	if (text->n > LIMIT_POOL_COMMAND) /* the reason is that of all of it */
		lines = buf_bytes(text);
	return lines.n ? pool_option_check(x, lines, &kept, why) : 0;
}

/* The text as it will be; -errno: it stays as it is. */
static int put_text(struct pool_edit *e, const struct obj *o, struct bytes data,
		    uint64_t off, struct buf *why)
{
	struct buf text = BUF_INIT;
	int err;

	if (off > e->text.n)
		return -EINVAL;
	buf_put(&text, e->text.p, off);
	buf_put(&text, data.p, data.n);
	if (text.n < e->text.n)
		buf_put(&text, e->text.p + text.n, e->text.n - text.n);
	err = check_lines(option_of(o), &text, why);
	if (err) {
		buf_done(&text);
		return err;
	}
	buf_done(&e->text);
	e->text = text;
	e->pending = true;
	return 0;
}

static int option_write(struct file *f, struct bytes data, uint64_t off,
			size_t *ret_taken)
{
	struct pool_edit *e = f->private;
	struct buf why = BUF_INIT;
	struct obj o;
	int err = tree_obj(f->fs, f->ino, NULL, &o);

	*ret_taken = data.n;
	if (err)
		return err;
	e->wrote = true;
	err = put_text(e, &o, data, f->flags & O_APPEND ? e->text.n : off,
		       &why);
	if (refuse(f->fs, &e->who, err, &why))
		return err;
	/* A number is complete with its line. */
	if (option_of(&o)->type != POOL_COMMAND &&
	    whole(&e->text).n == e->text.n)
		err = send_text(e, &o, &e->who);
	return err ? err : outcome(e);
}

static bool is_opener(const struct pool_edit *e, pid_t tid)
{
	struct process p;

	return process_of_thread(tid, &p) && p.pid == e->who.pid &&
	       p.start == e->who.start;
}

static int finish(struct pool_edit *e)
{
	struct obj o;
	int err = tree_obj(e->file->fs, e->file->ino, NULL, &o);

	e->emptied = !e->wrote;
	if (!err)
		err = send_text(e, &o, &e->who);
	/* The file is what it was. */
	if (err && err != -ENOENT)
		begin_again(e, &o);
	e->pending = false;
	return err;
}

/* Opened to be emptied, and nothing was written before so many flushes. */
static bool is_emptied(const struct pool_edit *e, unsigned flushes)
{
	return !e->wrote && !e->emptied && e->flushes >= flushes &&
	       (e->file->flags & O_TRUNC);
}

/*
 * Of a group of commands the shell has opened the file, and closes it at the
 * end. A part of a command must not be run; nor one whose writer was killed.
 * `: > file` empties it: a shell flushes once when it has opened a file, and
 * again at the end.
 */
static int option_flush(struct file *f, const struct ask *ask)
{
	struct pool_edit *e = f->private;
	int err = 0;

	if (!e)
		return 0;
	e->killed |= process_is_killed(ask->tid);
	if (!is_opener(e, ask->tid))
		return 0;
	if (!e->wrote)
		e->flushes++;
	if (!e->killed && (e->pending || is_emptied(e, 2)))
		err = finish(e);
	return err ? err : outcome(e);
}

/* Who closes it at once has flushed once, too, and does not wait for the answer. */
static void option_release(struct file *f)
{
	struct pool_edit *e = f->private;

	if (!e)
		return;
	if (!e->killed && (e->pending || is_emptied(e, 0)))
		(void)!finish(e);
	e->file = NULL;
	edit_free(e);
}

const struct io pool_option_io = {
	.writable = true,
	.open = option_open,
	.read = option_read,
	.size = option_size,
	.write = option_write,
	.flush = option_flush,
	.again = option_again,
	.release = option_release,
};
