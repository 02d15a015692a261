#include "base/base.h"
#include "plan.h"

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Those that stay. */
static uint64_t staying(const struct plan *p)
{
	return less(p->have, p->leaving);
}

/* Those that come, and stay. */
static uint64_t expected(const struct plan *p)
{
	return less(p->coming, p->dying);
}

/* Never more than max in all, those that end too. */
static uint64_t below_max(const struct plan *p)
{
	return less(p->max, p->have + p->coming);
}

void plan_begin(struct plan *p)
{
	p->parts = p->more = p->wanted = p->launch = p->let_go = p->spare = 0;
	p->short_of = false;
}

/* Engines that will be there, or can be launched, and have nothing to do then. */
static uint64_t unused(const struct plan *p)
{
	return p->fresh + expected(p) + (p->claims ? below_max(p) : 0);
}

uint64_t plan_room(const struct plan *p, uint64_t fits)
{
	uint64_t left = less(unused(p) * PLAN_ENGINE, p->parts);

	return left / (PLAN_ENGINE / fits);
}

void plan_take(struct plan *p, uint64_t fits, uint64_t n)
{
	p->parts += n * (PLAN_ENGINE / fits);
}

void plan_want(struct plan *p, uint64_t fits, uint64_t n)
{
	p->more += n * (PLAN_ENGINE / fits);
}

static uint64_t engines(uint64_t parts)
{
	return parts / PLAN_ENGINE + (parts % PLAN_ENGINE != 0);
}

/* More than max are there, or more than min that have had nothing to do for long. */
static uint64_t let_go(const struct plan *p)
{
	uint64_t least = min_u64(p->min, p->max);
	uint64_t old = min_u64(p->idle, less(staying(p), least));
	uint64_t over = min_u64(p->free, less(staying(p), p->max));

	return p->keeps ? 0 : max_u64(old, over);
}

void plan_decide(struct plan *p)
{
	uint64_t least = min_u64(p->min, p->max), need;

	p->wanted = engines(p->parts + p->more);
	need = max_u64(less(engines(p->parts), p->fresh), less(least, staying(p)));
	p->spare = less(expected(p), need);
	if (p->launches)
		p->launch = min_u64(less(need, expected(p)),
				    min_u64(below_max(p),
					    less(p->backlog, p->coming)));
	p->let_go = let_go(p);
}
