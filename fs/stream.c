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

	if (s == STREAM_VALUE && o->task)
		s = task_stream(o->task, s);
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

/* --- stdout, stderr, data, code, stdin: what there is ------------------- */

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
PLAIN_STREAM(data, STREAM_DATA);
PLAIN_STREAM(code, STREAM_CODE);
PLAIN_STREAM(stdin, STREAM_STDIN);

/* --- value: waits for the end ------------------------------------------- */

static int value_ready(struct file *f, const struct obj *o)
{
	(void)f;
	return o->task ? task_outcome(o->task) : -EAGAIN;
}

static int value_read(struct file *f, struct obj *o, const struct ask *ask,
		      struct answer *a)
{
	int err = value_ready(f, o);

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

/*
 * Who opens it before the end gets the bytes in the order they became known,
 * which this list remembers, so that its offsets keep their meaning. Who opens
 * it afterwards gets one, then the other.
 */
struct segment {
	uint64_t at;		/* offset in the file */
	uint64_t from, n;	/* a piece of the stream */
	int which;
};

#define SEGMENTS_MAX 65536	/* the oldest are forgotten */

struct output {
	struct segment *seg;
	size_t n, room;
	uint64_t end;		/* of the last segment */
	uint64_t taken[2];	/* of stdout and of stderr */
	struct window *window[2];
};

static const enum stream both[2] = {STREAM_STDOUT, STREAM_STDERR};

static struct segment *new_segment(struct output *out)
{
	if (out->n == SEGMENTS_MAX) {
		out->n /= 2;
		assert(out->seg);
		memmove(out->seg, out->seg + out->n,
			out->n * sizeof(*out->seg));
	}
	if (out->n == out->room) {
		out->room = out->room ? out->room * 2 : 4;
		out->seg = xreallocarray(out->seg, out->room,
					 sizeof(*out->seg));
	}
	return &out->seg[out->n++];
}

/* What has come since; false: nothing. */
static bool extend(struct output *out, const struct result *r)
{
	struct segment *last = out->n ? &out->seg[out->n - 1] : NULL;
	uint64_t more;
	int i;

	for (i = 0; i < 2; i++)
		if (result_size(r, both[i]) > out->taken[i])
			break;
	if (i == 2)
		return false;
	more = result_size(r, both[i]) - out->taken[i];
	if (last && last->which == i)
		last->n += more;
	else
		*new_segment(out) = (struct segment){out->end, out->taken[i],
						     more, i};
	out->taken[i] += more;
	out->end += more;
	return true;
}

static size_t find_segment(const struct output *out, uint64_t off)
{
	size_t from = 0, to = out->n;

	while (to - from > 1) {
		size_t mid = from + (to - from) / 2;

		if (out->seg[mid].at <= off)
			from = mid;
		else
			to = mid;
	}
	return from;
}

static int output_open(struct file *f, struct obj *o)
{
	(void)o;
	f->private = zalloc(sizeof(struct output));
	return 0;
}

static uint64_t output_size(const struct obj *o)
{
	return result_size(o->result, STREAM_STDOUT) +
	       result_size(o->result, STREAM_STDERR);
}

static int output_ready(struct file *f, const struct obj *o)
{
	if (result_is_final(o->result))
		return 0;
	return f->seen < output_size(o) ? 0 : -EAGAIN;
}

/* A page of the cache must be whole; any other reader may get less. */
static bool is_enough(const struct file *f, const struct answer *a)
{
	return !f->cached && a->n > 0;
}

static int read_segments(struct file *f, const struct result *r,
			 uint64_t off, size_t size, struct answer *a)
{
	struct output *out = f->private;
	size_t i = find_segment(out, off);
	int err;

	if (off < out->seg[i].at)
		return -EIO; /* forgotten */
	for (; i < out->n && a->n < size; i++) {
		const struct segment *s = &out->seg[i];
		uint64_t skip = off + a->n - s->at;

		if (is_enough(f, a) && a->pieces > ANSWER_PIECES / 2)
			return 0;
		err = read_part(f, &out->window[s->which], r, both[s->which],
				s->from + skip,
				min_u64(size - a->n, s->n - skip), a);
		if (err)
			return is_enough(f, a) ? 0 : err;
	}
	return 0;
}

static int output_read(struct file *f, struct obj *o, const struct ask *ask,
		       struct answer *a)
{
	struct output *out = f->private;
	int err;

	while (out->end < ask->off + ask->size && extend(out, o->result))
		;
	if (ask->off >= out->end)
		return result_is_final(o->result) ? 0 : -EAGAIN;
	err = read_segments(f, o->result, ask->off,
			    min_u64(ask->size, out->end - ask->off), a);
	if (!err)
		f->seen = max_u64(f->seen, ask->off + a->n);
	return err;
}

static void output_release(struct file *f)
{
	struct output *out = f->private;

	if (!out)
		return;
	free_window(out->window[0]);
	free_window(out->window[1]);
	free(out->seg);
	free(out);
}

const struct io output_io = {
	.open = output_open,
	.ready = output_ready,
	.read = output_read,
	.size = output_size,
	.release = output_release,
};
