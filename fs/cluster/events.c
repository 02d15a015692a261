#include "events.h"
#include "mirror/mirror.h"
#include "open/file.h"
#include "park/reply.h"

#define EVENTS_READ 65536 /* bytes rendered at once */

/* Blanks up to EVENT_LINE bytes with the newline. */
static void end_line(struct buf *out, size_t start)
{
	while (out->n - start < EVENT_LINE - 1)
		buf_putc(out, ' ');
	buf_putc(out, '\n');
	assert(out->n - start == EVENT_LINE);
}

static void put_line(struct buf *out, uint64_t n, const struct event *e)
{
	static const char *const what[] = {
		[EVENT_OF_RESULT] = "result",
		[EVENT_OF_ENGINE] = "engine",
		[EVENT_OF_CONTROLLER] = "controller",
		[EVENT_OF_POOL] = "pool",
		[EVENT_OF_LAUNCH] = "launch",
	};
	size_t start = out->n;

	buf_printf(out, "%llu %s ", (unsigned long long)n, what[e->of]);
	if (e->name[0])
		buf_printf(out, "%s ", e->name);
	else if (e->of != EVENT_OF_CONTROLLER)
		buf_printf(out, "%llu ", (unsigned long long)e->id);
	buf_puts(out, e->word);
	end_line(out, start);
}

void events_lines(const struct event_ring *ev, uint64_t n, size_t limit,
		  struct buf *out)
{
	size_t start = out->n;

	for (; n < ev->next && out->n - start + EVENT_LINE <= limit; n++)
		put_line(out, n, event_ring_get(ev, n));
}

/* --- the open file ------------------------------------------------------ */

/* Offsets from here on are numbers of lines; below, places in the file. */
#define PLACES (1ULL << 48)

/* What the offsets of an open file mean: line i has number base + i. */
struct reader {
	bool chosen, placed;
	uint64_t born;		/* the next number when it was opened */
	uint64_t base;
	bool missed;		/* some lines: line miss_at says which */
	uint64_t miss_at, miss_from, miss_to;
};

static int events_open(struct file *f, struct obj *o)
{
	struct reader *r = zalloc(sizeof(*r));

	r->born = r->base = o->fs->mirror->events.next;
	f->private = r;
	return 0;
}

static void choose(struct reader *r, const struct event_ring *ev, uint64_t off)
{
	if (r->chosen)
		return;
	r->chosen = true;
	if (off >= PLACES)
		r->base = 0;
	else if (off > 0)
		r->base = ev->first;
}

static void events_end(struct file *f)
{
	struct event_ring *ev = &f->fs->mirror->events;
	struct reader *r = f->private;

	if (r->chosen)
		return;
	r->chosen = r->placed = true;
	r->base = ev->first;
	f->seen = (ev->next - ev->first) * EVENT_LINE;
	ev->placed++;
}

static int events_ready(struct file *f, const struct obj *o)
{
	const struct reader *r = f->private;
	uint64_t n = r->base + f->seen / EVENT_LINE;

	return f->seen % EVENT_LINE || n != o->fs->mirror->events.next
		       ? 0
		       : -EAGAIN;
}

/* Lines from i on are gone; the next is the oldest there is. */
static void miss(struct reader *r, const struct event_ring *ev, uint64_t i)
{
	r->missed = true;
	r->miss_at = i;
	r->miss_from = r->base + i;
	r->miss_to = event_ring_oldest(ev);
	r->base = r->miss_to - (i + 1);
}

static void put_missed(const struct reader *r, const struct event_ring *ev,
		       struct buf *out)
{
	size_t start = out->n;

	buf_printf(out, "%llu missed ", (unsigned long long)r->miss_to - 1);
	if (r->miss_from < ev->first)
		buf_puts(out, "unmounted");
	else
		buf_printf(out, "%llu",
			   (unsigned long long)(r->miss_to - r->miss_from));
	end_line(out, start);
}

static int events_read(struct file *f, struct obj *o, const struct ask *ask,
		       struct answer *a)
{
	static struct buf b;
	const struct event_ring *ev = &o->fs->mirror->events;
	struct reader *r = f->private;
	uint64_t i = ask->off / EVENT_LINE, n;

	choose(r, ev, ask->off);
	buf_clear(&b);
	if (r->base + i < event_ring_oldest(ev) && !(r->missed && i == r->miss_at))
		miss(r, ev, i);
	n = r->base + i;
	if (r->missed && i == r->miss_at) {
		put_missed(r, ev, &b);
		n = r->miss_to;
	}
	if (n > ev->next)
		return -EINVAL;
	events_lines(ev, n, min_u64(ask->size, EVENTS_READ) + EVENT_LINE, &b);
	if (!b.n)
		return -EAGAIN;
	answer_slice(a, buf_bytes(&b), ask->off % EVENT_LINE, ask->size);
	f->seen = max_u64(f->seen, ask->off + a->n);
	return 0;
}

/* The file has a size only for those who asked for its end: tar would copy it. */
static uint64_t events_size(const struct obj *o)
{
	const struct event_ring *ev = &o->fs->mirror->events;

	return ev->placed ? (ev->next - ev->first) * EVENT_LINE : 0;
}

static struct waitq *events_waitq(const struct obj *o)
{
	return &o->fs->mirror->events.waitq;
}

static void events_release(struct file *f)
{
	struct reader *r = f->private;

	if (r && r->placed)
		f->fs->mirror->events.placed--;
	free(r);
}

const struct io events_io = {
	.open = events_open,
	.ready = events_ready,
	.read = events_read,
	.end = events_end,
	.size = events_size,
	.waitq = events_waitq,
	.release = events_release,
};
