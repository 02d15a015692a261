#include "add_items.h"
#include "link/link.h"
#include "mirror/merge.h"
#include "open/file.h"
#include "park/caller.h"
#include "results/stream.h"
#include "tree/tree.h"
#include "wire/limits.h"
#include "wire/scan.h"

#include <fcntl.h>

#define ADD_TIMEOUT (30 * USEC_PER_SEC)

/* A file that was opened to add items. */
struct adding {
	struct file *file;	/* NULL: it is closed */
	struct process who;	/* has opened it */
	uid_t uid;
	struct buf rest;	/* the beginning of a line */
	bool killed;		/* who wrote it: the line may not be whole */
	unsigned out;		/* questions on their way */
	int err;		/* of the last one that was answered */
};

struct add {
	struct request q;
	struct fs *fs;
	struct adding *a;
};

static void adding_free(struct adding *a)
{
	if (a->file || a->out)
		return;
	buf_done(&a->rest);
	free(a);
}

static int refuse(struct adding *a, struct fs *fs, int err, const char *why)
{
	callers_refused(fs->callers, &a->who, why);
	return err;
}

/* --- opening ---------------------------------------------------------------- */

static const char *why_not(const struct file *f, const struct obj *o)
{
	if ((f->flags & O_ACCMODE) != O_WRONLY || !(f->flags & O_APPEND))
		return "items can only be added: write with >>";
	if (result_is_final(o->result))
		return "nothing can be added: the result has ended";
	if (!o->result->grows)
		return "nothing can be added: the map was submitted without the "
		       "option open";
	return NULL;
}

static int map_open(struct file *f, struct obj *o)
{
	const char *why;
	struct adding *a;

	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	why = why_not(f, o);
	if (why)
		return callers_refuse(o->fs->callers, o->by.tid, -EPERM, why);
	a = zalloc(sizeof(*a));
	a->file = f;
	a->uid = o->by.uid;
	(void)!process_of_thread(o->by.tid, &a->who);
	f->private = a;
	return 0;
}

/* --- sending ----------------------------------------------------------------- */

struct add_answer {
	int64_t seq;
	struct bytes result;
};

/* More tasks are in the tree before the writer goes on. */
static void take_answer(struct fs *fs, struct msg *reply)
{
	static const struct field fields[] = {
		{"seq", FIELD_INT, offsetof(struct add_answer, seq), 0},
		{"result", FIELD_SPAN, offsetof(struct add_answer, result), 0},
		{.name = NULL},
	};
	struct add_answer f = {0};
	int err = 0;

	if (scan_fields(request_content(reply), fields, &f) && f.result.n)
		(void)merge_result(fs->mirror, f.result, (uint64_t)f.seq, true,
				   NULL, &err);
}

static void on_reply(struct request *q, int err, struct msg *reply)
{
	struct add *add = container_of(q, struct add, q);
	struct adding *a = add->a;
	char *why = err && reply ? request_reason(request_content(reply)) : NULL;

	if (err)
		(void)refuse(a, add->fs, err, why && *why ? why
						: request_meaning(err));
	else
		take_answer(add->fs, reply);
	free(why);
	free(add);
	a->out--;
	a->err = err;
	if (a->file)
		park_wake(a->file->fs->park, &a->file->waiter);
	else
		adding_free(a);
}

/* Items that are ended by NULs. */
static int send_items(struct adding *a, const struct obj *o, struct bytes items)
{
	struct json_object *c = json_object_new_object();
	struct msg_out out = {.type = MSG_CONTROL_REQUEST, .content = c,
			      .buffers = &items, .nbuffers = 1};
	struct add *add = zalloc(sizeof(*add));
	int err;

	json_add_str(c, "verb", "add");
	json_add_int(c, "result", (int64_t)o->result->id);
	json_add_int(c, "map", 0);
	json_add_int(c, "uid", a->uid);
	add->q.done = on_reply;
	add->fs = o->fs;
	add->a = a;
	err = link_ask(o->fs->link, &add->q, &out, ADD_TIMEOUT);
	json_object_put(c);
	if (err) {
		free(add);
		return refuse(a, o->fs, err, request_meaning(err));
	}
	a->out++;
	return 0;
}

/* The first n bytes of `rest` are whole lines. */
static int send_lines(struct adding *a, const struct obj *o, size_t n)
{
	size_t i;
	int err;

	for (i = 0; i < n; i++)
		if (a->rest.p[i] == '\n')
			a->rest.p[i] = '\0';
	err = send_items(a, o, bytes_of(a->rest.p, n));
	memmove(a->rest.p, a->rest.p + n, a->rest.n - n);
	a->rest.n -= n;
	return err;
}

static int outcome(struct adding *a)
{
	int err = a->err;

	if (a->out)
		return -EINPROGRESS;
	a->err = 0;
	return err;
}

static int map_again(struct file *f, enum parked_kind kind)
{
	(void)kind;
	return outcome(f->private);
}

/* --- writing ----------------------------------------------------------------- */

static int map_write(struct file *f, struct bytes data, uint64_t off,
		     size_t *ret_taken)
{
	struct adding *a = f->private;
	const char *end;
	struct obj o;
	int err = tree_obj(f->fs, f->ino, NULL, &o);

	(void)off;
	*ret_taken = data.n;
	if (err)
		return err;
	if (bytes_have_nul(data))
		return refuse(a, f->fs, -EINVAL, "an item must not hold a NUL");
	if (a->rest.n + data.n > LIMIT_CODE)
		return refuse(a, f->fs, -EFBIG, "an item is too long");
	buf_put(&a->rest, data.p, data.n);
	end = a->rest.n ? memrchr(a->rest.p, '\n', a->rest.n) : NULL;
	if (end)
		err = send_lines(a, &o, (size_t)(end + 1 - a->rest.p));
	return err ? err : outcome(a);
}

/* The last line may lack its newline. */
static int finish(struct adding *a)
{
	struct fs *fs = a->file->fs;
	struct obj o;
	int err = tree_obj(fs, a->file->ino, NULL, &o);

	if (err)
		return err;
	buf_putc(&a->rest, '\n');
	return send_lines(a, &o, a->rest.n);
}

static bool is_opener(const struct adding *a, pid_t tid)
{
	struct process p;

	return process_of_thread(tid, &p) && p.pid == a->who.pid &&
	       p.start == a->who.start;
}

static int map_flush(struct file *f, const struct ask *ask)
{
	struct adding *a = f->private;
	int err = 0;

	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	a->killed |= process_is_killed(ask->tid);
	if (a->rest.n && is_opener(a, ask->tid) && !a->killed)
		err = finish(a);
	return err ? err : outcome(a);
}

static void map_release(struct file *f)
{
	struct adding *a = f->private;

	if ((f->flags & O_ACCMODE) == O_RDONLY) {
		stream_release(f);
		return;
	}
	if (!a)
		return;
	if (a->rest.n && !a->killed)
		(void)!finish(a);
	a->file = NULL;
	adding_free(a);
}

const struct io map_io = {
	.writable = true,
	.open = map_open,
	.read = stream_map_read,
	.size = stream_map_size,
	.write = map_write,
	.flush = map_flush,
	.again = map_again,
	.release = map_release,
};
