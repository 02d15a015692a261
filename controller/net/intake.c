#include "base/base.h"
#include "intake.h"

#include "store/store.h"

struct intake {
	struct controller *c;
	struct work work;
	bool paused;		/* the store has too much to write */
	uint64_t resumed;	/* mono_usec(): since it has no more; 0: ever */
	void (*feed)(struct controller *c);
};

static bool is_behind(const struct controller *c)
{
	return store_backlog(c->store) > STORE_BACKLOG;
}

static void look(struct work *w)
{
	struct intake *in = container_of(w, struct intake, work);

	in->paused |= is_behind(in->c);
	in->feed(in->c);
}

static void drained(void *arg)
{
	struct controller *c = arg;
	struct intake *in = c->intake;

	in->resumed = in->paused ? mono_usec() : in->resumed;
	in->paused = false;
	in->feed(c);
}

void intake_init(struct controller *c, void (*feed)(struct controller *c))
{
	struct intake *in = c->intake = zalloc(sizeof(*in));

	in->c = c;
	in->work.run = look;
	in->feed = feed;
	store_on_drained(c->store, drained, c);
}

void intake_done(struct controller *c)
{
	if (!c->intake)
		return;
	work_cancel(&c->intake->work);
	free(c->intake);
	c->intake = NULL;
}

void intake_check(struct controller *c)
{
	if (is_behind(c))
		intake_again(c);
}

void intake_again(struct controller *c)
{
	if (c->intake)
		loop_defer(c->loop, &c->intake->work);
}

void intake_now(struct controller *c)
{
	c->intake->feed(c);
}

bool intake_is_paused(const struct controller *c)
{
	return c->intake->paused;
}

bool intake_has_read(const struct controller *c, uint64_t usec)
{
	return !c->intake->paused && mono_usec() - c->intake->resumed >= usec;
}
