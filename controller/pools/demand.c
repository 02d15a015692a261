#include "base/base.h"
#include "demand.h"

#include "model/ready.h"
#include "model/tasks.h"

static bool lives_long_enough(const struct pool *p, const struct needs *needs)
{
	uint64_t lifetime = pool_number(p, "lifetime");

	return !lifetime || needs->min_time <= lifetime;
}

uint64_t demand_fits(const struct pool *p, const struct needs *needs)
{
	uint64_t fits;
	size_t i;

	if (!lives_long_enough(p, needs))
		return 0;
	if (!p->slots)
		return 1;
	fits = p->slots / needs->cpus;
	for (i = 0; i < needs->other.n && fits; i++) {
		const struct amount *need = &needs->other.of[i];
		const struct amount *has = amounts_find(&p->has, need->name);

		fits = has ? min_u64(fits, (uint64_t)(has->n / need->n)) : 0;
	}
	return fits;
}

/* Tasks of this kind that could have an engine of some pool. */
static uint64_t room_for(const struct controller *c, const struct needs *needs)
{
	const struct list *l;
	uint64_t room = 0;

	list_for_each(l, &c->pools->all) {
		const struct pool *p = list_entry(l, struct pool, link);
		uint64_t fits = demand_fits(p, needs);

		if (fits)
			room += plan_room(&p->plan, fits);
	}
	return room;
}

/* Nobody has room for n tasks: the first that could run them wants them. */
static void want(struct controller *c, const struct needs *needs, uint64_t n)
{
	bool first = true;
	struct list *l;

	list_for_each(l, &c->pools->all) {
		struct pool *p = list_entry(l, struct pool, link);
		uint64_t fits = demand_fits(p, needs);

		if (!fits)
			continue;
		p->plan.short_of = true;
		if (first)
			plan_want(&p->plan, fits, n);
		first = false;
	}
}

/* Looks at so many more than there is room for; returns how many there were. */
static uint64_t share_line(struct controller *c, const struct line *line,
			   uint64_t more)
{
	uint64_t room = room_for(c, line->needs);
	uint64_t n = tasks_of_line(line, room + max_u64(more, 1));
	struct list *l;

	list_for_each(l, &c->pools->all) {
		struct pool *p = list_entry(l, struct pool, link);
		uint64_t fits = demand_fits(p, line->needs), some;

		if (!fits)
			continue;
		some = min_u64(n, plan_room(&p->plan, fits));
		plan_take(&p->plan, fits, some);
		n -= some;
	}
	if (n)
		want(c, line->needs, n);
	return min_u64(n, more);
}

void demand_share(struct controller *c)
{
	const struct list *b, *l;
	uint64_t more = DEMAND_MORE;

	list_for_each(b, &c->ready->buckets)
		list_for_each(l, &list_entry(b, struct bucket, link)->lines) {
			const struct line *line = list_entry(l, struct line, link);

			if (!line->bound)
				more -= share_line(c, line, more);
		}
}
