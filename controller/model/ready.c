#include "base/base.h"
#include "ready.h"

static struct bucket *bucket_for(struct controller *c, int64_t priority)
{
	struct bucket *b;
	struct list *l;

	list_for_each(l, &c->ready->buckets) {
		b = list_entry(l, struct bucket, link);
		if (b->priority == priority)
			return b;
		if (b->priority < priority)
			break;
	}
	b = zalloc(sizeof(*b));
	b->priority = priority;
	list_init(&b->results);
	list_insert(&b->link, l->prev, l);
	return b;
}

/* The engines of the result may all be gone: that is to be looked at. */
static void check_later(struct result *r)
{
	struct ready *ready = r->c->ready;

	if (ready->nunchecked == ready->unchecked_room) {
		ready->unchecked_room = ready->unchecked_room
						? 2 * ready->unchecked_room
						: 16;
		ready->unchecked = xreallocarray(ready->unchecked,
						 ready->unchecked_room,
						 sizeof(*ready->unchecked));
	}
	ready->unchecked[ready->nunchecked++] = r->id;
}

static void wake(struct controller *c)
{
	if (c->ready->wake)
		c->ready->wake(c);
}

/* A new result comes last; one that comes back takes its old place. */
void ready_add(struct result *r)
{
	struct bucket *b;
	struct list *at;

	if (!list_empty(&r->ready_link) || r->unmet || r->held || r->doomed)
		return;
	b = bucket_for(r->c, r->priority);
	at = b->results.prev;
	while (at != &b->results &&
	       list_entry(at, struct result, ready_link)->id > r->id)
		at = at->prev;
	list_insert(&r->ready_link, at, at->next);
	if (r->ntargets)
		check_later(r);
	wake(r->c);
}

void ready_remove(struct result *r)
{
	list_del(&r->ready_link);
}

bool is_one_of(const int64_t *ids, size_t n, int64_t id)
{
	size_t i;

	for (i = 0; i < n && ids[i] != id; i++)
		;
	return i < n;
}

void result_avoid(struct result *r, int64_t engine)
{
	if (is_one_of(r->avoid, r->navoid, engine))
		return;
	r->avoid = xreallocarray(r->avoid, r->navoid + 1, sizeof(*r->avoid));
	r->avoid[r->navoid++] = engine;
	check_later(r);
}

bool result_avoids(const struct result *r, int64_t engine)
{
	return is_one_of(r->avoid, r->navoid, engine);
}

void ready_init(struct controller *c)
{
	c->ready = zalloc(sizeof(*c->ready));
	list_init(&c->ready->buckets);
}

void ready_done(struct controller *c)
{
	struct ready *ready = c->ready;

	while (!list_empty(&ready->buckets)) {
		struct bucket *b = list_first(&ready->buckets, struct bucket,
					      link);

		while (!list_empty(&b->results))
			list_del(b->results.next);
		list_del(&b->link);
		free(b);
	}
	free(ready->unchecked);
	free(ready);
	c->ready = NULL;
}
