#include "base/base.h"
#include "why.h"

#include "demand.h"
#include "pool.h"
#include "schedule/sched.h"

/* It starts engines: now, or after a while. */
static bool is_active(const struct pool *p)
{
	enum pool_state state = pool_state(p);

	return (state == POOL_READY || state == POOL_WAITING) &&
	       pool_number(p, "max");
}

static const struct pool *find(const struct result *r, bool active)
{
	const struct list *l;

	list_for_each(l, &r->c->pools->all) {
		const struct pool *p = list_entry(l, struct pool, link);

		if (p->made && demand_fits(p, r->needs) && (!active || is_active(p)))
			return p;
	}
	return NULL;
}

void pools_put_started(const struct result *r, struct buf *out)
{
	const struct pool *p;

	if (!r->c->pools || list_empty(&r->c->pools->all))
		return;
	p = find(r, true);
	if (p) {
		buf_printf(out, " (pool %s starts engines for it)", p->name);
		return;
	}
	p = find(r, false);
	if (p)
		buf_printf(out, " (pool %s could start engines for it, and is %s)",
			   p->name,
			   pool_number(p, "max") ? pool_state_word(pool_state(p))
						 : "not to have any: max is 0");
	else
		buf_puts(out, " (no pool could run it)");
}

static uint64_t mix(uint64_t sum, uint64_t n)
{
	return (sum ^ n) * 0x100000001b3ULL;
}

/* What the text depends on, as one number. */
static uint64_t face_of(const struct pool *p)
{
	uint64_t sum = mix(0xcbf29ce484222325ULL, (uint64_t)p->id);
	size_t i;

	sum = mix(sum, is_active(p) ? POOL_STATES : pool_state(p));
	sum = mix(sum, pool_number(p, "max") > 0);
	sum = mix(sum, pool_number(p, "lifetime"));
	sum = mix(sum, p->slots);
	for (i = 0; i < p->has.n; i++)
		sum = mix(sum, (uint64_t)p->has.of[i].n);
	return mix(sum, p->made);
}

void pools_tell_tasks(struct controller *c)
{
	const struct list *l;
	uint64_t face = 0;

	list_for_each(l, &c->pools->all)
		face = mix(face, face_of(list_entry(l, struct pool, link)));
	if (face == c->pools->face)
		return;
	c->pools->face = face;
	sched_tell_all(c);
}
