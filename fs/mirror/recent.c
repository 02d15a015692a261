#include "recent.h"
#include "mirror.h"

void recent_done(struct recent *re)
{
	free(re->ring);
	*re = (struct recent){0};
}

/* When it began, by steady_usec(); of who is late nothing but a time of day is known. */
static int64_t start_of(const struct result *r, const struct task *t)
{
	if (!r->late)
		return r->born + t->began;
	return steady_usec() - max_i64(now_usec() - t->completed, 0) - t->ran;
}

void recent_add(struct recent *re, const struct result *r, uint32_t index,
		const struct task *t)
{
	int64_t start;

	if (!t->started || r->born == INT64_MAX)
		return;
	start = start_of(r, t);
	if (steady_usec() - (start + t->ran) > RECENT_AGE)
		return;
	if (!re->ring)
		re->ring = xreallocarray(NULL, RECENT_KEPT, sizeof(*re->ring));
	re->ring[re->next++ % RECENT_KEPT] = (struct recent_task){
		.start = start,
		.end = start + t->ran,
		.result = (uint32_t)r->id,
		.index = index,
		.engine = t->engine,
		.state = t->state,
	};
}

uint32_t recent_count(const struct recent *re)
{
	return (uint32_t)min_u64(re->next, RECENT_KEPT);
}

const struct recent_task *recent_get(const struct recent *re, uint32_t i)
{
	return &re->ring[(re->next - 1 - i) % RECENT_KEPT];
}
