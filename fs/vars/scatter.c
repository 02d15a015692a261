#include "scatter.h"
#include "ask.h"
#include "base/blob.h"
#include "link/link.h"
#include "mirror/variables.h"
#include "open/file.h"
#include "park/caller.h"
#include "value.h"
#include "vars.h"
#include "wire/limits.h"

#include <fcntl.h>

/* So many pieces are on their way at a time. */
#define SCATTER_OUT 8

struct scatter {
	struct list all;	/* vars->scatters */
	struct fs *fs;
	struct file *file;	/* NULL: closed */
	struct var_name *name;
	struct idlist engines;
	struct process who;	/* the opener */
	pid_t tid;
	struct blob text;
	uint64_t lines;		/* ends of lines in it */
	bool counted;		/* `lines` is true */
	bool dirty;		/* not all that was written was given out */
	bool written;
	bool killed;		/* the opener was, in the middle of it */
	int err;
	/* While the text is given out: */
	bool going;
	size_t engine;		/* whose turn it is; engines.n: all had it */
	uint64_t at;		/* where in the text */
	uint64_t share;		/* where its share begins */
	uint64_t left;		/* lines of it */
	bool begun;
	char upload[ID_SIZE];
	unsigned out;
};

struct scatter_question {
	struct request q;
	struct scatter *scatter;
};

static void scatter_free(struct scatter *s)
{
	list_del(&s->all);
	var_name_put(s->fs->mirror, s->name);
	idlist_done(&s->engines);
	blob_done(&s->text);
	free(s);
}

static uint64_t count_lines(struct bytes b)
{
	const char *p = b.p, *end = p + b.n;
	uint64_t n = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		p++;
		n++;
	}
	return n;
}

/* --- giving out --------------------------------------------------------- */

/* What is behind the last newline is a line, too. */
static uint64_t all_lines(struct scatter *s, struct bytes text)
{
	const char *p = text.p;

	if (!s->counted)
		s->lines = count_lines(text);
	s->counted = true;
	return s->lines + (text.n && p[text.n - 1] != '\n');
}

static void begin_share(struct scatter *s, uint64_t lines)
{
	uint64_t n = s->engines.n;

	s->left = lines / n + (s->engine < lines % n);
	s->share = s->at;
	id_new(s->upload);
}

/* The next lines of the share, as many as go into one piece. */
static struct bytes next_piece(struct scatter *s, struct bytes text)
{
	const char *begin = (const char *)text.p + s->at, *p = begin;
	size_t n = min_u64(text.n - s->at, LIMIT_PIECE);
	const char *end = begin + n;

	while (s->left && p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl && s->at + n < text.n) {
			p = end; /* goes on in the next piece */
			break;
		}
		s->left--;
		p = nl ? nl + 1 : end;
	}
	s->at += (size_t)(p - begin);
	return bytes_of(begin, (size_t)(p - begin));
}

static void on_answer(struct request *q, int err, struct msg *reply);

static int send_piece(struct scatter *s, struct bytes piece, uint64_t off)
{
	struct idlist one = {.id = &s->engines.id[s->engine], .n = 1};
	struct json_object *o = vars_question(&one, s->name);
	struct msg_out out = {
		.type = MSG_PUSH_REQUEST,
		.content = o,
		.buffers = &piece,
		.nbuffers = piece.n ? 1 : 0,
	};
	struct scatter_question *k = zalloc(sizeof(*k));
	int err;

	json_add_str(o, "upload", s->upload);
	json_add_bool(o, "lines", true);
	if (!s->begun)
		json_add_str(o, "begin", "empty");
	json_add_int(o, "offset", (int64_t)off);
	json_add_bool(o, "commit", s->left == 0);
	s->begun = true;
	k->scatter = s;
	k->q.done = on_answer;
	err = link_ask(s->fs->link, &k->q, &out,
		       vars_timeout(s->fs, &one));
	json_object_put(o);
	if (err)
		free(k);
	else
		s->out++;
	return err;
}

static void go_on(struct scatter *s)
{
	struct bytes text = {0}, piece;
	uint64_t lines;
	int err = blob_bytes(&s->text, &text);

	lines = err ? 0 : all_lines(s, text);
	while (!err && !s->err && s->engine < s->engines.n &&
	       s->out < SCATTER_OUT) {
		uint64_t from = s->at;

		if (!s->begun)
			begin_share(s, lines);
		piece = next_piece(s, text);
		err = send_piece(s, piece, from - s->share);
		if (s->left == 0) {
			s->engine++;
			s->begun = false;
		}
	}
	if (err && !s->err)
		s->err = err;
	if (!s->out)
		s->going = false;
}

static void begin(struct scatter *s)
{
	s->going = true;
	s->dirty = false;
	s->engine = 0;
	s->at = 0;
	s->begun = false;
	go_on(s);
}

static void closed(struct scatter *s)
{
	if (s->going)
		return;
	if (s->err)
		vars_expect(s->fs, &s->engines, s->name, false);
	scatter_free(s);
}

static void on_answer(struct request *q, int err, struct msg *reply)
{
	struct scatter_question *k = container_of(q, struct scatter_question, q);
	struct scatter *s = k->scatter;

	free(k);
	if (reply)
		vars_take_answer(s->fs, reply);
	if (err && !s->err) {
		s->err = err;
		vars_log("a variable cannot be scattered", s->name, err, reply);
	}
	s->out--;
	go_on(s);
	if (s->file)
		park_wake(s->fs->park, &s->file->waiter);
	else
		closed(s);
}

/* --- the file ----------------------------------------------------------- */

static bool reads(const struct file *f)
{
	return (f->flags & O_ACCMODE) == O_RDONLY;
}

static int scatter_open(struct file *f, struct obj *o)
{
	struct idlist engines = {0};
	struct scatter *s;
	int err;

	if (reads(f))
		return value_open(f, o);
	/* What would be read? And to what would be appended? */
	if ((f->flags & O_ACCMODE) == O_RDWR || (f->flags & O_APPEND))
		return -EINVAL;
	err = vars_engines(o, &engines);
	if (err) {
		idlist_done(&engines);
		return err;
	}
	s = zalloc(sizeof(*s));
	s->fs = f->fs;
	s->file = f;
	s->engines = engines;
	s->name = vars_name(o);
	s->name->users++;
	s->tid = o->by.tid;
	(void)!process_of_thread(o->by.tid, &s->who);
	s->dirty = true;
	s->counted = true;
	blob_init(&s->text);
	list_add_tail(&f->fs->vars->scatters, &s->all);
	f->private = s;
	return 0;
}

static int outcome(const struct scatter *s)
{
	return s->going ? -EINPROGRESS : s->err;
}

static int scatter_write(struct file *f, struct bytes data, uint64_t off,
			 size_t *ret_taken)
{
	struct scatter *s = f->private;
	int err = s->going ? -EBUSY : s->err;

	if (err)
		return err;
	if (off > LIMIT_VARIABLE || data.n > LIMIT_VARIABLE - off)
		return -EFBIG;
	s->counted &= off == s->text.size;
	err = blob_write(&s->text, off, data);
	if (err)
		return err;
	s->lines += count_lines(data);
	s->dirty = s->written = true;
	*ret_taken = data.n;
	return 0;
}

static bool is_opener(const struct scatter *s, pid_t tid)
{
	struct process who;

	return tid == s->tid ||
	       (process_of_thread(tid, &who) && who.pid == s->who.pid &&
		who.start == s->who.start);
}

static int scatter_flush(struct file *f, const struct ask *ask)
{
	struct scatter *s = f->private;

	if (reads(f))
		return value_flush(f, ask);
	if (is_opener(s, ask->tid)) {
		s->killed = process_is_killed(ask->tid);
		if (s->dirty && s->written && !s->going && !s->err &&
		    !s->killed)
			begin(s);
	}
	return outcome(s);
}

static int scatter_again(struct file *f, enum parked_kind kind)
{
	return reads(f) ? value_again(f, kind) : outcome(f->private);
}

static void scatter_release(struct file *f)
{
	struct scatter *s = f->private;

	if (!s)
		return;
	if (reads(f)) {
		value_release(f);
		return;
	}
	s->file = NULL;
	if (s->dirty && !s->going && !s->err && !s->killed) {
		if (!s->written)
			vars_expect(s->fs, &s->engines, s->name, true);
		begin(s);
	}
	closed(s);
}

void scatter_done(struct fs *fs)
{
	while (!list_empty(&fs->vars->scatters))
		scatter_free(list_first(&fs->vars->scatters, struct scatter, all));
}

const struct io scatter_io = {
	.writable = true,
	.open = scatter_open,
	.read = value_read,
	.size = vars_size,
	.mtime = vars_mtime,
	.write = scatter_write,
	.flush = scatter_flush,
	.again = scatter_again,
	.release = scatter_release,
};
