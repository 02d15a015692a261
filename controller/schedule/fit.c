#include "base/base.h"
#include "fit.h"

#include "model/ready.h"

void fit_note(struct speakers *s, const struct engine *e)
{
	s->shell |= engine_is_there(e) && e->shell;
	s->python |= !e->shell && e->state == ENGINE_LIVE;
}

bool fit_follows(const struct result *r, int64_t engine)
{
	const struct dep *d;
	bool bound = false;

	for (d = r->dep; d < r->dep + r->ndeps; d++) {
		if (!d->any || !d->follow)
			continue;
		bound = true;
		if (d->met && d->engine == engine)
			return true;
	}
	return !bound;
}

static bool is_target(const struct result *r, const struct engine *e)
{
	return (!r->ntargets || is_one_of(r->targets, r->ntargets, e->id)) &&
	       !result_avoids(r, e->id) && fit_follows(r, e->id);
}

/*
 * A task is a script for the shell, unless it was sent to an engine by its id,
 * or there are none but engines of ipyparallel. A client's own task
 * goes where ipyparallel would send it, but a function of Python to no shell.
 */
bool fit_allows(const struct speakers *s, const struct result *r,
		const struct engine *e)
{
	if (!is_target(r, e))
		return false;
	if (r->ops->takes_unready)
		return !(r->applied && e->shell && !r->ntargets && s->python);
	return e->ready && (e->shell || r->ntargets || !s->shell);
}

bool fit_in_time(const struct needs *n, const struct engine *e, uint64_t when)
{
	return !n->min_time || !e->ends || when + n->min_time <= e->ends;
}

bool fit_ever(const struct result *r, const struct engine *e)
{
	return r->needs->cpus <= e->slots &&
	       fit_in_time(r->needs, e, mono_usec()) &&
	       stocks_have(&e->stocks, &r->needs->other, true);
}

/* One task for each slot, and what --hwm allows to wait there. */
static bool has_capacity(const struct engine *e)
{
	uint64_t hwm = e->c->config.hwm;

	return !hwm || e->cpus < e->slots - 1 + hwm;
}

bool fit_now(const struct needs *n, const struct engine *e)
{
	if (needs_one(n))
		return has_capacity(e);
	return e->cpus + n->cpus <= e->slots &&
	       fit_in_time(n, e, mono_usec()) &&
	       stocks_have(&e->stocks, &n->other, false);
}
