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

/* It starts no more, for now. */
static bool has_max(const struct pool *p)
{
	return p->plan.have + p->plan.coming >= pool_number(p, "max");
}

static bool has_backlog(const struct pool *p)
{
	return p->plan.coming >= pool_number(p, "backlog");
}

static bool starts(const struct pool *p)
{
	return is_active(p) && !has_max(p) && !has_backlog(p);
}

static bool may_start(const struct pool *p)
{
	(void)p;
	return true;
}

/* The first that could run it, and is so. */
static const struct pool *find(const struct result *r,
			       bool (*is)(const struct pool *p))
{
	const struct list *l;

	list_for_each(l, &r->c->pools->all) {
		const struct pool *p = list_entry(l, struct pool, link);

		if (p->made && demand_fits(p, r->needs) && is(p))
			return p;
	}
	return NULL;
}

static void put_pool(const struct pool *p, struct buf *out)
{
	const char *limit = has_max(p) ? "max" : has_backlog(p) ? "backlog" : NULL;

	if (!pool_number(p, "max"))
		buf_printf(out, "could start engines for it, and is not to have any: "
				"max is 0");
	else if (!is_active(p))
		buf_printf(out, "could start engines for it, and is %s",
			   pool_state_word(pool_state(p)));
	else if (limit && p->plan.coming)
		buf_printf(out, "has asked for %llu engines that are to come, and asks "
				"for no more: %s is %llu",
			   (unsigned long long)p->plan.coming, limit,
			   (unsigned long long)pool_number(p, limit));
	else if (limit)
		buf_printf(out, "has as many engines as it may: %s is %llu", limit,
			   (unsigned long long)pool_number(p, limit));
	else
		buf_puts(out, "starts engines for it");
}

void pools_put_started(const struct result *r, struct buf *out)
{
	const struct pool *p;

	if (!r->c->pools || list_empty(&r->c->pools->all))
		return;
	p = find(r, starts);
	p = p ? p : find(r, is_active);
	p = p ? p : find(r, may_start);
	if (p) {
		buf_printf(out, " (pool %s ", p->name);
		put_pool(p, out);
		buf_puts(out, ")");
	} else {
		buf_puts(out, " (no pool could run it)");
	}
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
	sum = mix(sum, pool_number(p, "max"));
	sum = mix(sum, has_max(p));
	sum = mix(sum, has_backlog(p));
	sum = mix(sum, has_max(p) || has_backlog(p) ? p->plan.coming : 0);
	sum = mix(sum, pool_number(p, "backlog"));
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
