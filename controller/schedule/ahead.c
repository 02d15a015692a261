#include "base/base.h"
#include "ahead.h"

/* So much work waits at an engine, for each of its slots, and so many tasks in all. */
#define MOMENT (40 * USEC_PER_MSEC)
#define MOST_OF_SLOT 16
#define MOST 64
/* What an engine has ahead may have to be sent again. */
#define LIMIT_INPUT (64 * KIB)
/* A task that ran longer counts as this long: short ones are to be seen again soon. */
#define LONG (10 * MOMENT)

static uint64_t most(const struct engine *e)
{
	uint64_t n = min_u64((uint64_t)e->slots * MOST_OF_SLOT, MOST);

	return e->pace ? min_u64(n, MOMENT * e->slots / e->pace) : 0;
}

/* Who says how many tasks wait at each engine (--hwm) has them there. */
static bool takes_ahead(const struct engine *e)
{
	return e->takes_ahead && e->c->config.hwm == 1;
}

bool ahead_has_room(const struct engine *e)
{
	return takes_ahead(e) && engine_usable(e) && !e->elsewhere &&
	       e->nahead < most(e);
}

/* Any engine is as good for it as another, nothing counts what of it was begun, it is
 * small, and nobody says that it goes before others, or behind: what waits ahead is
 * passed by what an engine begins that becomes free meanwhile. */
bool ahead_suits(const struct result *r)
{
	return r->ops->goes_ahead && needs_one(r->needs) &&
	       !r->ntargets && !r->navoid && !r->ndeps && !r->timeout &&
	       !r->max_running && !r->halt && !r->queue && !r->priority &&
	       r->code_size + r->stdin_size <= LIMIT_INPUT &&
	       (!r->map_size || r->map_size / r->ntasks <= LIMIT_INPUT);
}

/* --- which there are ------------------------------------------------------- */

static bool has_free_slot(const struct engine *e)
{
	return e->cpus - e->nahead < e->slots;
}

void ahead_add(struct run *run)
{
	struct engine *e = run->engine;

	if (!takes_ahead(e) || e->cpus - e->nahead <= e->slots)
		return;
	run->ahead = true;
	e->nahead++;
	list_add_tail(&e->ahead, &run->ahead_link);
}

void ahead_remove(struct run *run)
{
	if (!run->ahead)
		return;
	run->ahead = false;
	run->engine->nahead--;
	list_del(&run->ahead_link);
}

struct run *ahead_next(struct engine *e)
{
	struct run *run;

	if (!e->nahead || !has_free_slot(e))
		return NULL;
	run = list_first(&e->ahead, struct run, ahead_link);
	ahead_remove(run);
	return run;
}

/* --- how long they take ---------------------------------------------------- */

void ahead_note(struct engine *e, int64_t ran)
{
	uint64_t usec = ran > 0 ? min_u64((uint64_t)ran, LONG) : 1;

	e->pace = e->pace ? (3 * e->pace + usec + 3) / 4 : usec;
}

void ahead_note_long(struct engine *e)
{
	e->pace = LONG;
}

/* --- it is wanted back ----------------------------------------------------- */

/* One that is being stored is not sent. */
static void recall(struct run *run)
{
	if (run->recalled)
		return;
	run->recalled = true;
	if (run->phase == RUN_SENT)
		run->ops->recall(run);
}

/* Whose tasks are wanted back. */
struct wanted {
	const struct result *of;	/* NULL: all below that priority */
	int64_t task;			/* -1: all */
	int64_t priority;
};

static bool is_wanted(const struct run *run, const struct wanted *w)
{
	const struct result *r;

	if (w->of)
		return run->result == w->of->id &&
		       (w->task < 0 || run->index == w->task);
	r = result_find(run->c, run->result);
	return r && r->priority < w->priority;
}

static void recall_wanted(struct controller *c, const struct wanted *w)
{
	struct list *l, *k;

	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		list_for_each(k, &e->ahead) {
			struct run *run = list_entry(k, struct run, ahead_link);

			if (is_wanted(run, w))
				recall(run);
		}
	}
}

void ahead_recall_engine(struct engine *e)
{
	struct list *l;

	list_for_each(l, &e->ahead)
		recall(list_entry(l, struct run, ahead_link));
}

void ahead_recall_result(const struct result *r)
{
	recall_wanted(r->c, &(struct wanted){.of = r, .task = -1});
}

void ahead_recall_task(const struct result *r, uint32_t index)
{
	recall_wanted(r->c, &(struct wanted){.of = r, .task = index});
}

void ahead_recall_below(struct controller *c, int64_t priority)
{
	recall_wanted(c, &(struct wanted){.priority = priority});
}
