#include "watch.h"
#include "mirror/mirror.h"
#include "open/file.h"
#include "park/reply.h"
#include "progress.h"

#define COPY_MOST 65536		/* bytes of old lines kept */

/* A reader's; what it has drawn is in the file's copy, from offset `pos` on. */
struct drawing {
	struct timer timer;
	struct file *file;
	struct buf line;	/* the last one drawn */
	uint64_t at;		/* when it was drawn, mono_usec() */
	uint64_t seq;		/* of the result then */
	bool any, ended;
};

static struct bar bar_of(const struct obj *o)
{
	return progress_bar(o->result, o->result->tasks > 1 ? o->task : NULL,
			    o->detail);
}

static bool is_over(const struct obj *o)
{
	return state_is_final(bar_of(o).status);
}

/* Microseconds until the next line may be drawn. */
static uint64_t delay(const struct drawing *d, const struct obj *o)
{
	uint64_t gone = mono_usec() - d->at, wait;

	if (!d->any || is_over(o))
		return 0;
	wait = o->result->seq == d->seq ? WATCH_SELDOM : WATCH_OFTEN;
	return gone < wait ? wait - gone : 0;
}

/* Over the last line: what is left of a longer one is blanked. */
static void put_over(struct buf *out, const struct buf *line,
		     const struct buf *last)
{
	size_t n = bar_columns(buf_bytes(line));
	size_t had = bar_columns(buf_bytes(last));

	if (last->n)
		buf_putc(out, '\r');
	buf_put(out, line->p, line->n);
	for (; n < had; n++)
		buf_putc(out, ' ');
}

static void draw(struct drawing *d, const struct obj *o)
{
	struct buf line = BUF_INIT;
	struct bar b = bar_of(o);

	bar_line(&b, &line);
	d->ended = state_is_final(b.status);
	if (d->ended || line.n != d->line.n ||
	    memcmp(line.p, d->line.p, line.n) != 0)
		put_over(&d->file->copy, &line, &d->line);
	if (d->ended)
		buf_putc(&d->file->copy, '\n');
	d->any = true;
	d->at = mono_usec();
	d->seq = o->result->seq;
	buf_done(&d->line);
	d->line = line;
}

static void fire(struct timer *t)
{
	struct file *f = container_of(t, struct drawing, timer)->file;

	park_wake(f->fs->park, &f->waiter);
}

/* True: there is something from off on. Else the timer says when to look. */
static bool advance(struct file *f, const struct obj *o, uint64_t off)
{
	struct drawing *d = f->private;

	if (off >= f->pos + f->copy.n && !d->ended && !delay(d, o))
		draw(d, o);
	if (off < f->pos + f->copy.n || d->ended)
		return true;
	timer_set(f->fs->loop, &d->timer, delay(d, o));
	return false;
}

static int watch_open(struct file *f, struct obj *o)
{
	struct drawing *d = zalloc(sizeof(*d));

	(void)o;
	d->timer.fire = fire;
	d->file = f;
	f->private = d;
	return 0;
}

static int watch_ready(struct file *f, const struct obj *o)
{
	return advance(f, o, f->seen) ? 0 : -EAGAIN;
}

static int watch_read(struct file *f, struct obj *o, const struct ask *ask,
		      struct answer *a)
{
	if (ask->off < f->pos)
		return -EIO; /* forgotten */
	if (f->copy.n > COPY_MOST) {
		size_t n = min_u64(f->copy.n / 2, ask->off - f->pos);

		buf_shift(&f->copy, n);
		f->pos += n;
	}
	if (!advance(f, o, ask->off))
		return -EAGAIN;
	answer_slice(a, buf_bytes(&f->copy), ask->off - f->pos, ask->size);
	f->seen = max_u64(f->seen, ask->off + a->n);
	return 0;
}

/* The size of what somebody gets who opens it now. */
static uint64_t watch_size(const struct obj *o)
{
	struct bar b = bar_of(o);
	struct buf line = BUF_INIT;
	uint64_t n;

	bar_line(&b, &line);
	n = line.n + is_over(o);
	buf_done(&line);
	return n;
}

static void watch_release(struct file *f)
{
	struct drawing *d = f->private;

	if (!d)
		return;
	timer_cancel(&d->timer);
	buf_done(&d->line);
	free(d);
}

const struct io watch_io = {
	.open = watch_open,
	.ready = watch_ready,
	.read = watch_read,
	.size = watch_size,
	.release = watch_release,
};
