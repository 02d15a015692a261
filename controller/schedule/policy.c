#include "base/base.h"
#include "policy.h"

#include "model/engines.h"

#include <sodium.h>

static size_t pick_first(struct engine *const *e, size_t n)
{
	(void)e;
	(void)n;
	return 0;
}

/* What each of its slots has to do, on average. */
static double load(const struct engine *e)
{
	return (double)e->cpus / e->slots;
}

static size_t pick_leastload(struct engine *const *e, size_t n)
{
	size_t i, best = 0;

	for (i = 1; i < n && e[best]->cpus > 0; i++)
		if (load(e[i]) < load(e[best]))
			best = i;
	return best;
}

static size_t pick_random(struct engine *const *e, size_t n)
{
	(void)e;
	return randombytes_uniform((uint32_t)n);
}

static size_t pick_twobin(struct engine *const *e, size_t n)
{
	size_t a = pick_random(e, n), b = pick_random(e, n);

	return a < b ? a : b;
}

/* Draws one engine, with a chance that falls with its load. */
static size_t draw(struct engine *const *e, size_t n)
{
	double sum = 0, at;
	size_t i;

	for (i = 0; i < n; i++)
		sum += 1 / (load(e[i]) + 1e-6);
	at = sum * randombytes_random() / 4294967296.0;
	for (i = 0; i + 1 < n; i++) {
		at -= 1 / (load(e[i]) + 1e-6);
		if (at < 0)
			break;
	}
	return i;
}

static size_t pick_weighted(struct engine *const *e, size_t n)
{
	size_t a = draw(e, n), b = draw(e, n);

	return load(e[a]) <= load(e[b]) ? a : b;
}

static const struct policy policies[] = {
	{.name = "leastload", .pick = pick_leastload},
	{.name = "lru", .pick = pick_first},
	{.name = "plainrandom", .pick = pick_random},
	{.name = "twobin", .pick = pick_twobin},
	{.name = "weighted", .pick = pick_weighted},
};

const struct policy *policy_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(policies); i++)
		if (strcmp(policies[i].name, name) == 0)
			return &policies[i];
	return NULL;
}

const char *policy_name(const struct policy *p)
{
	return p->name;
}
