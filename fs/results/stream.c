#include "stream.h"
#include "group_output.h"
#include "mirror/group.h"
#include "open/file.h"
#include "open/window.h"
#include "park/reply.h"

static struct window *window_new(struct file *f, const struct obj *o,
				 enum stream s)
{
	struct window *w = xmalloc(sizeof(*w));
	int64_t i = obj_index(o);

	window_init(w, f, o->result->id, i < 0 ? 0 : (uint32_t)i, s);
	if (o->task && state_is_final((enum state)o->task->state))
		window_use_local(w, stream_size(o, s));
	return w;
}

int stream_part(struct file *f, struct window **w, const struct obj *o,
		enum stream s, uint64_t off, size_t n, struct answer *a)
{
	struct bytes kept;

	if (o->task == o->result->task && mirror_kept(o->result, s, &kept)) {
		answer_slice(a, kept, off, n);
		return 0;
	}
	if (!*w)
		*w = window_new(f, o, s);
	return window_read(*w, off, n, stream_size(o, s), a);
}

uint64_t stream_size(const struct obj *o, enum stream s)
{
	return s < STREAM_OUTPUTS && o->task ? task_size(o->task, s)
					     : result_size(o->result, s);
}

static int read_stream(struct file *f, const struct obj *o, enum stream s,
		       const struct ask *ask, struct answer *a)
{
	struct window *w = f->private;
	uint64_t size;
	int err;

	if (s == STREAM_VALUE)
		s = task_stream(o->task, s);
	size = stream_size(o, s);
	if (ask->off >= size)
		return 0;
	err = stream_part(f, &w, o, s, ask->off,
			  min_u64(ask->size, size - ask->off), a);
	f->private = w;
	return err;
}

void stream_release(struct file *f)
{
	struct window *w = f->private;

	if (!w)
		return;
	window_done(w);
	free(w);
}

/* --- stdout, stderr, data: what there is -------------------------------- */

#define OUTPUT_STREAM(name, s, of)                                             \
	static int name##_read(struct file *f, struct obj *o,                  \
			       const struct ask *ask, struct answer *a)        \
	{                                                                      \
		return o->task ? read_stream(f, o, s, ask, a)                  \
			       : group_stream_read(f, o, of, ask, a);          \
	}                                                                      \
	static uint64_t name##_size(const struct obj *o)                       \
	{                                                                      \
		return o->task ? stream_size(o, s) : group_stream_size(o, of); \
	}                                                                      \
	const struct io name##_io = {                                          \
		.read = name##_read,                                           \
		.size = name##_size,                                           \
		.release = stream_release,                                     \
	}

OUTPUT_STREAM(stdout, STREAM_STDOUT, OFFSETS_STDOUT);
OUTPUT_STREAM(stderr, STREAM_STDERR, OFFSETS_STDERR);
OUTPUT_STREAM(data, STREAM_DATA, OFFSETS_DATA);

/* --- code, stdin: what was submitted ------------------------------------ */

#define INPUT_STREAM(name, s)                                                  \
	static int name##_read(struct file *f, struct obj *o,                  \
			       const struct ask *ask, struct answer *a)        \
	{                                                                      \
		return read_stream(f, o, s, ask, a);                           \
	}                                                                      \
	static uint64_t name##_size(const struct obj *o)                       \
	{                                                                      \
		return stream_size(o, s);                                      \
	}                                                                      \
	const struct io name##_io = {                                          \
		.read = name##_read,                                           \
		.size = name##_size,                                           \
		.release = stream_release,                                     \
	}

INPUT_STREAM(code, STREAM_CODE);
INPUT_STREAM(stdin, STREAM_STDIN);

/* --- map, items: all that was submitted, or those of one task ----------- */

/* Each item ends with a NUL, and is shown with a newline. */
static void show_lines(struct answer *a)
{
	static struct buf b;
	int i;
	size_t k;

	buf_clear(&b);
	for (i = 0; i < a->pieces; i++)
		buf_put(&b, a->iov[i].iov_base, a->iov[i].iov_len);
	for (k = 0; k < b.n; k++)
		if (!b.p[k])
			b.p[k] = '\n';
	*a = (struct answer){0};
	if (b.n)
		answer_add(a, b.p, b.n);
}

/* What the map has from `from` to `end`. */
static int read_part(struct file *f, const struct obj *o, uint64_t from,
		     uint64_t end, const struct ask *ask, struct answer *a)
{
	struct window *w = f->private;
	int err;

	if (ask->off >= end - from)
		return 0;
	if (!w)
		w = f->private = window_new(f, o, STREAM_MAP);
	err = window_read(w, from + ask->off,
			  min_u64(ask->size, end - from - ask->off), end, a);
	if (!err)
		show_lines(a);
	return err;
}

int stream_map_read(struct file *f, struct obj *o, const struct ask *ask,
		    struct answer *a)
{
	return read_part(f, o, 0, stream_size(o, STREAM_MAP), ask, a);
}

uint64_t stream_map_size(const struct obj *o)
{
	return stream_size(o, STREAM_MAP);
}

/* Where the items of the task are. It is known: the row waits for that. */
static const uint32_t *items_at(const struct obj *o)
{
	return group_items(o->result->group, (uint32_t)obj_index(o));
}

static int items_read(struct file *f, struct obj *o, const struct ask *ask,
		      struct answer *a)
{
	const uint32_t *at = items_at(o);

	return read_part(f, o, at[0], at[1], ask, a);
}

static uint64_t items_size(const struct obj *o)
{
	const uint32_t *at = items_at(o);

	return at ? at[1] - at[0] : 0;
}

const struct io items_io = {
	.read = items_read,
	.size = items_size,
	.release = stream_release,
};

/* --- value: waits for the end ------------------------------------------- */

static int value_ready(struct file *f, const struct obj *o)
{
	return o->task ? task_outcome(o->task) : group_value_ready(f, o);
}

static bool value_whole(const struct obj *o)
{
	return o->task || o->result->status == STATE_OK;
}

static int value_read(struct file *f, struct obj *o, const struct ask *ask,
		      struct answer *a)
{
	int err;

	if (!o->task)
		return group_value_read(f, o, ask, a);
	err = task_outcome(o->task);
	return err ? err : read_stream(f, o, STREAM_VALUE, ask, a);
}

static uint64_t value_size(const struct obj *o)
{
	if (!o->task)
		return group_stream_size(o, OFFSETS_VALUE);
	return o->task->state == STATE_OK ? stream_size(o, STREAM_VALUE) : 0;
}

const struct io value_io = {
	.ready = value_ready,
	.whole = value_whole,
	.read = value_read,
	.size = value_size,
	.release = stream_release,
};
