#include "base/base.h"
#include "keep.h"

#include "run.h"

/* --- when it could begin --------------------------------------------------- */

/* The end of a run, at the latest. */
struct end {
	uint64_t at;		/* mono_usec(); UINT64_MAX: nobody knows */
	const struct needs *needs;
};

static int by_time(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static size_t list_ends(const struct engine *e, struct end *end)
{
	uint64_t now = mono_usec();
	const struct list *l;
	size_t n = 0;

	list_for_each(l, &e->runs) {
		const struct run *run = list_entry(l, struct run, engine_link);

		if (run->trace == RUN_ANSWERED)
			continue;
		end[n].needs = run->needs;
		end[n].at = UINT64_MAX;
		if (run->needs->time_limit)
			end[n].at = (run->phase == RUN_SENT ? run->sent : now) +
				    run->needs->time_limit;
		n++;
	}
	qsort(end, n, sizeof(*end), by_time);
	return n;
}

/* When the engine has as much free, mono_usec(), if nothing new begins there; 0:
 * nobody knows. */
static uint64_t free_at(const struct engine *e, const struct needs *n)
{
	struct end *end = xreallocarray(NULL, e->load + 1, sizeof(*end));
	struct engine later = *e;
	uint64_t at = 0;
	size_t i, ends = list_ends(e, end);

	later.stocks.of = xreallocarray(NULL, e->stocks.n + 1,
					sizeof(*e->stocks.of));
	if (e->stocks.n)
		memcpy(later.stocks.of, e->stocks.of,
		       e->stocks.n * sizeof(*e->stocks.of));
	for (i = 0; i < ends && end[i].at != UINT64_MAX && !at; i++) {
		later.cpus -= end[i].needs->cpus;
		stocks_take(&later.stocks, &end[i].needs->other, -1);
		if (fit_now(n, &later) && fit_in_time(n, e, end[i].at))
			at = end[i].at;
	}
	stocks_done(&later.stocks);
	free(end);
	return at;
}

/* --- who may begin there ---------------------------------------------------- */

/* With a task of r more, as much is free as kept needs, of what r takes. */
static bool takes_nothing_of(const struct result *r, const struct needs *kept,
			     const struct engine *e)
{
	size_t i;

	if (e->cpus + r->needs->cpus + kept->cpus > e->slots)
		return false;
	for (i = 0; i < r->needs->other.n; i++) {
		const struct amount *of = &r->needs->other.of[i];
		const struct amount *k = amounts_find(&kept->other, of->name);
		const struct stock *s = stocks_find(&e->stocks, of->name);

		if (k && (!s || s->total - s->used - of->n < k->n))
			return false;
	}
	return true;
}

bool keep_forbids(const struct result *r, const struct engine *e, uint64_t turn)
{
	const struct result *kept;
	uint64_t limit = r->needs->time_limit;

	if (e->kept_in != turn || e->kept_for == r->id)
		return false;
	kept = result_find(r->c, e->kept_for);
	if (!kept || takes_nothing_of(r, kept->needs, e))
		return false;
	return !limit || mono_usec() + limit > free_at(e, kept->needs);
}

/* --- which one ---------------------------------------------------------------- */

void keep_this(struct result *r, struct engine *e, uint64_t turn)
{
	if (e->kept_in == turn)
		return;
	e->kept_for = r->id;
	e->kept_in = turn;
	r->kept = e->id;
}

static bool can_keep(const struct result *r, const struct speakers *s,
		     const struct engine *e, uint64_t turn)
{
	return e->state == ENGINE_LIVE && !e->draining && !e->leaving &&
	       e->kept_in != turn && fit_ever(r, e) && fit_allows(s, r, e);
}

/* So many slots are missing; as many as there are when it is not the slots. */
static unsigned missing(const struct result *r, const struct engine *e)
{
	unsigned wanted = e->cpus + r->needs->cpus;

	return wanted > e->slots ? wanted - e->slots : 0;
}

void keep_engine(struct result *r, const struct speakers *s, uint64_t turn)
{
	struct engine *best = r->kept >= 0 ? engine_find(r->c, r->kept) : NULL;
	struct list *l;

	if (needs_one(r->needs))
		return;
	if (best && best->kept_for == r->id && can_keep(r, s, best, turn)) {
		best->kept_in = turn;
		return;
	}
	best = NULL;
	list_for_each(l, &r->c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (can_keep(r, s, e, turn) &&
		    (!best || missing(r, e) < missing(r, best)))
			best = e;
	}
	if (best)
		keep_this(r, best, turn);
}
