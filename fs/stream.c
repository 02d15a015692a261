#include "stream.h"
#include "file.h"
#include "reply.h"
#include "tree.h"
#include "window.h"

/* n bytes of a stream at off, all of which are there by now. */
static int read_part(struct file *f, struct window **w, const struct result *r,
		     enum stream s, uint64_t off, size_t n, struct answer *a)
{
	struct bytes kept;

	if (mirror_kept(r, s, &kept)) {
		answer_slice(a, kept, off, n);
		return 0;
	}
	if (!*w) {
		*w = xmalloc(sizeof(**w));
		window_init(*w, f, r, s);
	}
	return window_read(*w, off, n, result_size(r, s), a);
}

static int read_stream(struct file *f, const struct obj *o, enum stream s,
		       const struct ask *ask, struct answer *a)
{
	struct window *w = f->private;
	uint64_t size;
	int err;

	s = result_stream(o->result, s);
	size = result_size(o->result, s);
	if (ask->off >= size)
		return 0;
	err = read_part(f, &w, o->result, s, ask->off,
			min_u64(ask->size, size - ask->off), a);
	f->private = w;
	return err;
}

static void free_window(struct window *w)
{
	if (!w)
		return;
	window_done(w);
	free(w);
}

static void stream_release(struct file *f)
{
	free_window(f->private);
}

/* --- stdout, stderr, code, stdin: what there is ------------------------- */

#define PLAIN_STREAM(name, s)                                                  \
	static int name##_read(struct file *f, struct obj *o,                  \
			       const struct ask *ask, struct answer *a)        \
	{                                                                      \
		return read_stream(f, o, s, ask, a);                           \
	}                                                                      \
	static uint64_t name##_size(const struct obj *o)                       \
	{                                                                      \
		return result_size(o->result, s);                              \
	}                                                                      \
	const struct io name##_io = {                                          \
		.read = name##_read,                                           \
		.size = name##_size,                                           \
		.release = stream_release,                                     \
	}

PLAIN_STREAM(stdout, STREAM_STDOUT);
PLAIN_STREAM(stderr, STREAM_STDERR);
PLAIN_STREAM(code, STREAM_CODE);
PLAIN_STREAM(stdin, STREAM_STDIN);

/* --- value: waits for the end ------------------------------------------- */

static int value_ready(struct file *f, const struct obj *o)
{
	(void)f;
	return result_outcome(o->result);
}

static int value_read(struct file *f, struct obj *o, const struct ask *ask,
		      struct answer *a)
{
	int err = result_outcome(o->result);

	return err ? err : read_stream(f, o, STREAM_VALUE, ask, a);
}

static uint64_t value_size(const struct obj *o)
{
	return o->result->status == STATE_OK
		       ? result_size(o->result, STREAM_VALUE)
		       : 0;
}

const struct io value_io = {
	.ready = value_ready,
	.read = value_read,
	.size = value_size,
	.release = stream_release,
};

/* --- output: stdout and stderr as they come ----------------------------- */

struct output {
	bool follow;	/* opened before the end: no offsets */
	uint64_t pos[2];
	struct window *window[2];
};

static const enum stream both[2] = {STREAM_STDOUT, STREAM_STDERR};

static int output_open(struct file *f, struct obj *o)
{
	struct output *out = zalloc(sizeof(*out));

	out->follow = !result_is_final(o->result);
	f->private = out;
	return 0;
}

static int output_ready(struct file *f, const struct obj *o)
{
	const struct output *out = f->private;
	int i;

	for (i = 0; i < 2; i++)
		if (out->pos[i] < result_size(o->result, both[i]))
			return 0;
	return result_is_final(o->result) ? 0 : -EAGAIN;
}

static int follow(struct file *f, const struct result *r, size_t size,
		  struct answer *a)
{
	struct output *out = f->private;
	int i, err;

	for (i = 0; i < 2; i++) {
		uint64_t there = result_size(r, both[i]) - out->pos[i];

		if (result_size(r, both[i]) <= out->pos[i])
			continue;
		err = read_part(f, &out->window[i], r, both[i], out->pos[i],
				min_u64(size, there), a);
		out->pos[i] += a->n;
		return err;
	}
	return result_is_final(r) ? 0 : -EAGAIN;
}

/* After the end: stdout, then stderr. */
static int one_then_other(struct file *f, const struct result *r,
			  const struct ask *ask, struct answer *a)
{
	struct output *out = f->private;
	uint64_t off = ask->off;
	int i, err;

	for (i = 0; i < 2; i++) {
		uint64_t size = result_size(r, both[i]);

		if (off >= size) {
			off -= size;
			continue;
		}
		if (a->n == ask->size)
			break;
		err = read_part(f, &out->window[i], r, both[i], off,
				min_u64(ask->size - a->n, size - off), a);
		if (err)
			return err;
		off = 0;
	}
	return 0;
}

static int output_read(struct file *f, struct obj *o, const struct ask *ask,
		       struct answer *a)
{
	const struct output *out = f->private;

	if (out->follow)
		return follow(f, o->result, ask->size, a);
	return one_then_other(f, o->result, ask, a);
}

static uint64_t output_size(const struct obj *o)
{
	return result_size(o->result, STREAM_STDOUT) +
	       result_size(o->result, STREAM_STDERR);
}

static void output_release(struct file *f)
{
	struct output *out = f->private;

	if (!out)
		return;
	free_window(out->window[0]);
	free_window(out->window[1]);
	free(out);
}

const struct io output_io = {
	.stream = true,
	.open = output_open,
	.ready = output_ready,
	.read = output_read,
	.size = output_size,
	.release = output_release,
};
