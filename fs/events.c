#include "fs.h"
#include "file.h"
#include "events.h"
#include "reply.h"

#define EVENTS_READ 65536 /* bytes rendered at once */

void events_init(struct events *ev, struct park *park)
{
	*ev = (struct events){.park = park, .next = 1};
	ev->ring = xreallocarray(NULL, EVENTS_KEPT, sizeof(*ev->ring));
	waitq_init(&ev->waitq);
}

void events_done(struct events *ev)
{
	free(ev->ring);
	*ev = (struct events){0};
}

void events_add(struct events *ev, enum event_of of, uint64_t id,
		const char *word)
{
	struct event *e = &ev->ring[ev->next++ % EVENTS_KEPT];

	e->of = of;
	e->id = id;
	snprintf(e->word, sizeof(e->word), "%s", word);
	waitq_wake(ev->park, &ev->waitq);
}

static void put_line(struct buf *out, uint64_t n, const struct event *e)
{
	static const char *const what[] = {
		[EVENT_OF_RESULT] = "result",
		[EVENT_OF_ENGINE] = "engine",
		[EVENT_OF_CONTROLLER] = "controller",
	};

	buf_printf(out, "%llu %s ", (unsigned long long)n, what[e->of]);
	if (e->of != EVENT_OF_CONTROLLER)
		buf_printf(out, "%llu ", (unsigned long long)e->id);
	buf_printf(out, "%s\n", e->word);
}

int events_lines(const struct events *ev, uint64_t *at, size_t limit,
		 struct buf *out)
{
	uint64_t oldest = ev->next > EVENTS_KEPT ? ev->next - EVENTS_KEPT : 1;
	size_t start = out->n;

	if (*at == ev->next)
		return -EAGAIN;
	if (*at < oldest) {
		buf_printf(out, "%llu missed %llu\n",
			   (unsigned long long)oldest - 1,
			   (unsigned long long)(oldest - *at));
		*at = oldest;
	}
	for (; *at < ev->next && out->n - start < limit; ++*at)
		put_line(out, *at, &ev->ring[*at % EVENTS_KEPT]);
	return 0;
}

/* --- the open file ------------------------------------------------------ */

/*
 * The lines an open file was given follow each other from offset 0; its copy
 * holds those from offset `pos` on, so that a shell may give back what it read
 * behind a line. `next` is the number of the next event, `seen` how far
 * somebody has read.
 */
static int events_open(struct file *f, struct obj *o)
{
	f->next = o->fs->mirror.events.next;
	return 0;
}

static int events_ready(struct file *f, const struct obj *o)
{
	bool unread = f->seen < f->pos + f->copy.n;

	return unread || f->next != o->fs->mirror.events.next ? 0 : -EAGAIN;
}

static int events_read(struct file *f, struct obj *o, const struct ask *ask,
		       struct answer *a)
{
	const struct events *ev = &o->fs->mirror.events;
	int err = 0;

	if (ask->off < f->pos)
		return -EIO; /* forgotten */
	if (f->copy.n > 2 * EVENTS_READ) {
		size_t n = min_u64(f->copy.n - EVENTS_READ, ask->off - f->pos);

		buf_shift(&f->copy, n);
		f->pos += n;
	}
	if (ask->off >= f->pos + f->copy.n)
		err = events_lines(ev, &f->next, EVENTS_READ, &f->copy);
	if (err || ask->off >= f->pos + f->copy.n)
		return -EAGAIN;
	answer_slice(a, buf_bytes(&f->copy), ask->off - f->pos, ask->size);
	f->seen = max_u64(f->seen, ask->off + a->n);
	return 0;
}

static struct waitq *events_waitq(const struct obj *o)
{
	return &o->fs->mirror.events.waitq;
}

const struct io events_io = {
	.open = events_open,
	.ready = events_ready,
	.read = events_read,
	.waitq = events_waitq,
};
