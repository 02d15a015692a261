#include "group_output.h"
#include "mirror/group.h"
#include "open/file.h"
#include "open/window.h"
#include "park/reply.h"
#include "stream.h"

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

/* Takes in what was written since; false: nothing was. */
static bool extend(struct output *out, const struct obj *o)
{
	struct segment *last = out->n ? &out->seg[out->n - 1] : NULL;
	uint64_t more;
	int i;

	for (i = 0; i < 2; i++)
		if (stream_size(o, both[i]) > out->taken[i])
			break;
	if (i == 2)
		return false;
	more = stream_size(o, both[i]) - out->taken[i];
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
	if (!o->task)
		return group_output_open(f, o);
	f->private = zalloc(sizeof(struct output));
	return 0;
}

static uint64_t output_size(const struct obj *o)
{
	if (!o->task)
		return group_stream_size(o, OFFSETS_OUTPUT_DONE);
	return stream_size(o, STREAM_STDOUT) + stream_size(o, STREAM_STDERR);
}

static bool is_over(const struct obj *o)
{
	return o->task ? state_is_final((enum state)o->task->state)
		       : result_is_settled(o->result);
}

static int output_ready(struct file *f, const struct obj *o)
{
	if (is_over(o))
		return 0;
	return f->seen < output_size(o) ? 0 : -EAGAIN;
}

/* A page of the cache must be filled; any other reader may get less. */
static bool is_enough(const struct file *f, const struct answer *a)
{
	return !f->cached && a->n > 0;
}

static int read_segments(struct file *f, const struct obj *o,
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
		err = stream_part(f, &out->window[s->which], o, both[s->which],
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

	if (!o->task)
		return group_output_read(f, o, ask, a);
	while (out->end < ask->off + ask->size && extend(out, o))
		;
	if (ask->off >= out->end)
		return is_over(o) ? 0 : -EAGAIN;
	err = read_segments(f, o, ask->off,
			    min_u64(ask->size, out->end - ask->off), a);
	if (!err)
		f->seen = max_u64(f->seen, ask->off + a->n);
	return err;
}

static void free_window(struct window *w)
{
	if (!w)
		return;
	window_done(w);
	free(w);
}

static void output_release(struct file *f)
{
	struct output *out = f->private;

	if (f->of_group) {
		stream_release(f);
		return;
	}
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
