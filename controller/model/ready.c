#include "base/base.h"
#include "ready.h"

#include "needs.h"

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
	list_init(&b->lines);
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

/* Engines are not all alike for such a result, or were it not for others. */
static bool is_choosy(const struct result *r)
{
	return r->ntargets || r->navoid || r->ndeps || r->applied;
}

/* An engine that is started now would be none for it. */
static bool is_bound(const struct result *r)
{
	size_t i;

	for (i = 0; i < r->ndeps; i++)
		if (r->dep[i].any && r->dep[i].follow)
			return true;
	return r->ntargets || r->applied;
}

/* Of those with the same key one finds an engine where another does. */
static struct line_key line_key(const struct result *r)
{
	return (struct line_key){
		.needs = (uintptr_t)r->needs | (is_choosy(r) ? 1 : 0) |
			 (r->ops->takes_unready ? 2 : 0) | (is_bound(r) ? 4 : 0),
		.queue = (uintptr_t)r->queue,
	};
}

static struct line *line_for(struct result *r)
{
	struct bucket *b = bucket_for(r->c, r->priority);
	struct line_key key = line_key(r);
	struct line *line = map_get(&b->line, bytes_of(&key, sizeof(key)));

	if (line)
		return line;
	line = zalloc(sizeof(*line));
	line->needs = needs_use(r->needs);
	line->key = key;
	line->queue = r->queue;
	line->each = is_choosy(r);
	line->bound = is_bound(r);
	list_init(&line->results);
	list_add_tail(&b->lines, &line->link);
	map_put(&b->line, bytes_of(&key, sizeof(key)), line);
	return line;
}

void line_drop(struct bucket *b, struct line *line)
{
	assert(list_empty(&line->results));
	map_remove(&b->line, bytes_of(&line->key, sizeof(line->key)));
	list_del(&line->link);
	needs_drop(line->needs);
	free(line);
}

void bucket_drop(struct bucket *b)
{
	assert(list_empty(&b->lines));
	list_del(&b->link);
	map_done(&b->line);
	free(b);
}

/* A new result comes last; one that comes back takes its old place. */
void ready_add(struct result *r)
{
	struct list *at;

	if (!list_empty(&r->ready_link) || r->unmet || r->held || r->early ||
	    r->doomed)
		return;
	r->line = line_for(r);
	at = r->line->results.prev;
	while (at != &r->line->results &&
	       list_entry(at, struct result, ready_link)->id > r->id)
		at = at->prev;
	list_insert(&r->ready_link, at, at->next);
	if (r->ntargets)
		check_later(r);
	wake(r->c);
}

void ready_remove(struct result *r)
{
	if (list_empty(&r->ready_link))
		return;
	if (r->line->at == &r->ready_link)
		r->line->at = r->ready_link.next;
	list_del(&r->ready_link);
	/* The engine that is kept for it can have others. */
	if (r->kept >= 0)
		wake(r->c);
	r->kept = -1;
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
	/* It may stand in a line where all are alike. */
	if (!list_empty(&r->ready_link)) {
		ready_remove(r);
		ready_add(r);
	}
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

static void drop_all(struct bucket *b)
{
	while (!list_empty(&b->lines)) {
		struct line *line = list_first(&b->lines, struct line, link);

		while (!list_empty(&line->results))
			ready_remove(list_first(&line->results, struct result,
						ready_link));
		line_drop(b, line);
	}
	bucket_drop(b);
}

void ready_done(struct controller *c)
{
	struct ready *ready = c->ready;

	while (!list_empty(&ready->buckets))
		drop_all(list_first(&ready->buckets, struct bucket, link));
	free(ready->unchecked);
	free(ready);
	c->ready = NULL;
}
