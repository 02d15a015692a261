#include "screen.h"
#include "open/file.h"
#include "page.h"
#include "park/reply.h"
#include "top.h"

#define PART 4		/* a text is kept so many times as long as it took */
#define KEPT_FOR USEC_PER_SEC

/* What was drawn last, and for whom. */
struct screen {
	void (*put)(const struct glance *g, struct buf *out);
	struct buf text;
	bool all;		/* as in struct glance */
	uid_t uid;
	uint64_t at, took;	/* mono_usec() */
	int64_t date;		/* time of day */
	unsigned open;		/* files */
};

static struct screen top = {.put = top_put};
static struct screen page = {.put = page_put};

static bool is_for(const struct screen *s, const struct obj *o)
{
	return s->text.n && s->all == asker_sees_all(o) &&
	       (s->all || s->uid == o->by.uid);
}

static void draw(struct screen *s, const struct obj *o)
{
	struct glance g;

	s->at = mono_usec();
	s->date = now_usec();
	s->all = asker_sees_all(o);
	s->uid = o->by.uid;
	buf_clear(&s->text);
	glance_init(&g, o);
	s->put(&g, &s->text);
	s->took = mono_usec() - s->at;
}

static int screen_open(struct screen *s, struct file *f, const struct obj *o)
{
	if (!is_for(s, o) || mono_usec() - s->at > PART * s->took)
		draw(s, o);
	buf_put(&f->copy, s->text.p, s->text.n);
	f->private = s;
	f->pos = o->by.uid;
	s->open++;
	return 0;
}

/* Who reads it from its beginning again, a while later, gets what it is then. */
static void draw_again(struct screen *s, struct file *f, struct obj *o)
{
	o->by.uid = (uid_t)f->pos;
	draw(s, o);
	buf_clear(&f->copy);
	buf_put(&f->copy, s->text.p, s->text.n);
}

static int screen_read(struct file *f, struct obj *o, const struct ask *ask,
		       struct answer *a)
{
	struct screen *s = f->private;

	if (ask->off == 0 && mono_usec() - s->at > KEPT_FOR)
		draw_again(s, f, o);
	answer_slice(a, buf_bytes(&f->copy), ask->off, ask->size);
	return 0;
}

/* As long as somebody has it open, that of what was opened last. */
static uint64_t screen_size(struct screen *s, const struct obj *o)
{
	if (!is_for(s, o) || (!s->open && mono_usec() - s->at > KEPT_FOR))
		draw(s, o);
	return s->text.n;
}

static void screen_release(struct file *f)
{
	struct screen *s = f->private;

	if (s)
		s->open--;
}

/* Both files do the same, each with its screen. */
static struct screen *screen_of(const struct obj *o)
{
	return o->node->io == &page_io ? &page : &top;
}

static int open_screen(struct file *f, struct obj *o)
{
	return screen_open(screen_of(o), f, o);
}

static uint64_t size(const struct obj *o)
{
	return screen_size(screen_of(o), o);
}

static int64_t mtime(const struct obj *o)
{
	return screen_of(o)->date;
}

#define SCREEN_IO \
	{ \
		.open = open_screen, \
		.read = screen_read, \
		.size = size, \
		.mtime = mtime, \
		.release = screen_release, \
	}

const struct io top_io = SCREEN_IO;
const struct io page_io = SCREEN_IO;
