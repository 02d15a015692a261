#include "together.h"
#include "deliver.h"
#include "engine.h"

/* A reply is kept so long. */
#define MOMENT (5 * USEC_PER_MSEC)

void together_tell(struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->tasks.ended) {
		struct task *t = list_entry(l, struct task, link);

		if (t->untold)
			deliver(t);
	}
}

static void due(struct timer *timer)
{
	together_tell(container_of(timer, struct engine, tasks.tell));
}

/* Nobody is the worse for it: the engine has more work than there is to tell. */
static bool can_wait(const struct task *t)
{
	const struct tasks *all = &t->engine->tasks;

	return t->extended && t->ran && all->nwaiting > all->untold;
}

void together_end(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	if (!can_wait(t)) {
		together_tell(t->engine);
		deliver(t);
		return;
	}
	t->untold = true;
	all->untold++;
	if (!timer_is_set(&all->tell))
		timer_set(t->engine->loop, &all->tell, MOMENT);
}

void together_init(struct engine *e)
{
	e->tasks.tell.fire = due;
}

void together_done(struct engine *e)
{
	timer_cancel(&e->tasks.tell);
}
