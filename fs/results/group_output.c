#include "group_output.h"
#include "mirror/group.h"
#include "open/file.h"
#include "open/window.h"
#include "park/reply.h"
#include "stream.h"

/* An output that is no larger is fetched together with others. */
#define TOGETHER (64 * KIB)

static struct offsets *offsets_of(const struct obj *o, enum offsets_of of)
{
	return &o->result->group->offsets[of];
}

uint64_t group_stream_size(const struct obj *o, enum offsets_of of)
{
	struct offsets *l = offsets_of(o, of);

	return offsets_grow(l, o->result->group) +
	       offsets_tail(l, o->result->group);
}

/* --- which bytes are whose ---------------------------------------------- */

/* The streams of one task that such a file has, in their order. */
struct streams {
	enum stream s[2];
	int n;
};

static struct streams streams_of(enum offsets_of of)
{
	static const struct streams of_offsets[OFFSETS] = {
		[OFFSETS_VALUE] = {{STREAM_VALUE, 0}, 1},
		[OFFSETS_STDOUT] = {{STREAM_STDOUT, 0}, 1},
		[OFFSETS_STDERR] = {{STREAM_STDERR, 0}, 1},
		[OFFSETS_DATA] = {{STREAM_DATA, 0}, 1},
		[OFFSETS_OUTPUT] = {{STREAM_STDOUT, STREAM_STDERR}, 2},
		[OFFSETS_OUTPUT_DONE] = {{STREAM_STDOUT, STREAM_STDERR}, 2},
	};

	return of_offsets[of];
}

/* The task has bytes in that stream alone, so that the next task's follow at once. */
static bool is_alone(const struct streams *ss, const struct task *t,
		     enum stream s)
{
	int k;

	for (k = 0; k < ss->n; k++)
		if (ss->s[k] != s && task_size(t, ss->s[k]))
			return false;
	return true;
}

/*
 * One question for the whole outputs of several tasks: small ones, up to n bytes
 * together, of tasks whose numbers follow each other.
 */
static void plan_many(const struct offsets *l, const struct group *g,
		      uint32_t place, size_t n, struct piece_plan *p)
{
	struct streams ss = streams_of(l->of);
	uint32_t i = offsets_task(l, g, place);
	uint64_t sum = 0, size;

	for (; place < l->next; place++, i++) {
		const struct task *t = group_task(g, i);

		if (offsets_task(l, g, place) != i)
			break;
		size = task_size(t, p->stream);
		if (size > TOGETHER || sum + size > n)
			break;
		sum += size;
		p->count++;
		if (!is_alone(&ss, t, p->stream))
			break;
	}
	if (p->count > 1)
		p->n = sum;
	else
		p->count = 0;
}

/* Which stream has the byte at *off of all of a task's; *off is then in that. */
static enum stream find_stream(const struct streams *ss, const struct task *t,
			       uint64_t *off)
{
	int k = 0;

	while (k + 1 < ss->n && *off >= task_size(t, ss->s[k]))
		*off -= task_size(t, ss->s[k++]);
	return ss->s[k];
}

static void plan_offsets(const struct window *w, uint64_t at, size_t n,
			 struct piece_plan *p)
{
	const struct result *r = mirror_result(w->fs->mirror, w->id);
	const struct group *g = r ? r->group : NULL;
	const struct offsets *l = g ? &g->offsets[w->task] : NULL;
	struct streams ss = streams_of((enum offsets_of)w->task);
	uint64_t start;
	uint32_t place;

	*p = (struct piece_plan){0};
	if (!l)
		return;
	place = l->next;
	start = l->bytes;
	if (at < l->bytes)
		place = offsets_find(l, g, at, &start);
	p->task = offsets_task(l, g, place);
	p->offset = at - start;
	p->stream = find_stream(&ss, group_task(g, p->task), &p->offset);
	p->n = min_u64(n, task_size(group_task(g, p->task), p->stream) - p->offset);
	if (!p->offset && at < l->bytes && at >= w->alone)
		plan_many(l, g, place, n, p);
	if (!p->count)
		p->stream = task_stream(group_task(g, p->task), p->stream);
}

/* Its w->task is the enum offsets_of. */
static const struct source offsets_source = {
	.plan = plan_offsets,
	.ask = window_ask_stream,
};

/* --- reading ------------------------------------------------------------ */

static struct window *window_of(struct file *f, const struct obj *o,
				enum offsets_of of)
{
	struct window *w = f->private;

	if (w)
		return w;
	w = xmalloc(sizeof(*w));
	window_init_from(w, f, &offsets_source, NULL);
	w->id = o->result->id;
	w->task = of;
	f->private = w;
	f->of_group = true;
	return w;
}

int group_stream_read(struct file *f, const struct obj *o, enum offsets_of of,
		      const struct ask *ask, struct answer *a)
{
	uint64_t size = group_stream_size(o, of);
	int err;

	if (ask->off >= size)
		return 0;
	err = window_read(window_of(f, o, of), ask->off,
			  min_u64(ask->size, size - ask->off), size, a);
	if (!err)
		f->seen = max_u64(f->seen, ask->off + a->n);
	return err;
}

/* What a reader gets behind the last value that is there. */
static int next_value(const struct obj *o)
{
	const struct group *g = o->result->group;
	const struct offsets *l = offsets_of(o, OFFSETS_VALUE);

	if (l->next < g->n)
		return task_outcome(group_task(g, l->next));
	/* More may come to a map that is open. */
	return result_is_final(o->result) ? 0 : -EAGAIN;
}

int group_value_ready(const struct file *f, const struct obj *o)
{
	bool any = f->seen < group_stream_size(o, OFFSETS_VALUE);

	return any ? 0 : next_value(o);
}

int group_value_read(struct file *f, const struct obj *o, const struct ask *ask,
		     struct answer *a)
{
	if (ask->off >= group_stream_size(o, OFFSETS_VALUE))
		return next_value(o);
	return group_stream_read(f, o, OFFSETS_VALUE, ask, a);
}

/* --- output ------------------------------------------------------------- */

/* In the order of the items, when all tasks have ended. */
int group_output_open(struct file *f, const struct obj *o)
{
	bool settled = result_is_settled(o->result);

	(void)window_of(f, o, settled ? OFFSETS_OUTPUT : OFFSETS_OUTPUT_DONE);
	return 0;
}

int group_output_read(struct file *f, const struct obj *o,
		      const struct ask *ask, struct answer *a)
{
	const struct window *w = f->private;
	enum offsets_of of = (enum offsets_of)w->task;

	if (ask->off >= group_stream_size(o, of))
		return result_is_settled(o->result) ? 0 : -EAGAIN;
	return group_stream_read(f, o, of, ask, a);
}

/* --- as_completed ------------------------------------------------------- */

/*
 * Who opens it before the end gets the order in which the ends became known;
 * afterwards, with offsets of its own, the order of their times.
 */
struct by_time {
	struct offsets offsets;
	uint32_t *order;
};

static int completed_open(struct file *f, struct obj *o)
{
	const struct group *g = o->result->group;
	struct by_time *b;

	if (!g || !result_is_settled(o->result))
		return 0;
	b = zalloc(sizeof(*b));
	b->order = xreallocarray(NULL, g->ndone, sizeof(*b->order));
	memcpy(b->order, g->done, g->ndone * sizeof(*b->order));
	group_sort(g, b->order, g->ndone);
	offsets_init(&b->offsets, OFFSETS_NUMBERS);
	b->offsets.order = b->order;
	f->private = b;
	return 0;
}

static struct offsets *completed_offsets(const struct file *f,
					 const struct obj *o)
{
	struct by_time *b = f->private;

	return b ? &b->offsets : offsets_of(o, OFFSETS_NUMBERS);
}

static uint64_t completed_size(const struct obj *o)
{
	if (o->task)
		return result_is_final(o->result) ? strlen("0\n") : 0;
	return group_stream_size(o, OFFSETS_NUMBERS);
}

static int completed_end(const struct obj *o)
{
	return result_is_settled(o->result) ? 0 : -EAGAIN;
}

static int completed_ready(struct file *f, const struct obj *o)
{
	return f->seen < completed_size(o) ? 0 : completed_end(o);
}

/* The lines from the one with the byte at *off on; *off is then within them. */
static void put_numbers(const struct offsets *l, const struct group *g,
			uint64_t *off, size_t size, struct buf *out)
{
	uint64_t start;
	uint32_t place = offsets_find(l, g, *off, &start);

	*off -= start;
	for (; place < l->next && out->n < *off + size; place++)
		buf_printf(out, "%u\n", offsets_task(l, g, place));
}

static int completed_read(struct file *f, struct obj *o,
			  const struct ask *ask, struct answer *a)
{
	static struct buf b;
	uint64_t off = ask->off;
	struct offsets *l;

	buf_clear(&b);
	if (o->task) {
		buf_puts(&b, result_is_final(o->result) ? "0\n" : "");
	} else {
		l = completed_offsets(f, o);
		if (off < offsets_grow(l, o->result->group))
			put_numbers(l, o->result->group, &off, ask->size, &b);
	}
	if (off >= b.n)
		return completed_end(o);
	answer_slice(a, buf_bytes(&b), off, ask->size);
	f->seen = max_u64(f->seen, ask->off + a->n);
	return 0;
}

static void completed_release(struct file *f)
{
	struct by_time *b = f->private;

	if (!b)
		return;
	offsets_done(&b->offsets);
	free(b->order);
	free(b);
}

const struct io completed_io = {
	.open = completed_open,
	.ready = completed_ready,
	.read = completed_read,
	.size = completed_size,
	.release = completed_release,
};
