#include "pool.h"
#include "mirror.h"

static struct bytes name_of(const struct pool *p)
{
	return bytes_of(p->name, p->n);
}

struct pool *pool_find(const struct mirror *m, struct bytes name)
{
	return map_get(&m->pools.by_name, name);
}

struct pool *pool_get(const struct mirror *m, uint64_t id)
{
	return index_get(&m->pools.by_id, id);
}

struct pool *pool_next(const struct mirror *m, uint64_t from)
{
	return index_next(&m->pools.by_id, from);
}

size_t pool_known_engines(const struct mirror *m, const struct idlist *ids)
{
	size_t i, n = 0;

	for (i = 0; i < ids->n; i++)
		n += index_get(&m->engines, ids->id[i]) != NULL;
	return n;
}

static bool has_engine(const struct pool *p, uint64_t id)
{
	size_t i;

	for (i = 0; i < p->engines.n; i++)
		if (p->engines.id[i] == id)
			return true;
	return false;
}

void pools_engine_came(struct mirror *m, uint64_t id)
{
	struct pool *p;
	uint64_t at;

	for (at = 0; (p = pool_next(m, at)); at = p->id + 1) {
		if (!has_engine(p, id))
			continue;
		mirror_note(m, EVENT_OF_POOL, p->id, 0, NOTE_WORK);
		waitq_wake(m->park, &p->waitq);
	}
}

/* The kernel tells of what this mount does itself. */
static bool is_own(const struct mirror *m, struct bytes name)
{
	const struct list *l;

	list_for_each(l, &m->pools.own)
		if (bytes_is(name, list_entry(l, struct own_pool, link)->name))
			return true;
	return false;
}

struct pool *pool_add(struct mirror *m, struct bytes name)
{
	struct pools *ps = &m->pools;
	struct pool *p;

	if (ps->last >= MIRROR_MAX_ID)
		return NULL;
	p = zalloc(sizeof(*p) + name.n + 1);
	memcpy(p->name, name.p, name.n);
	p->n = name.n;
	p->id = ++ps->last;
	p->round = m->round;
	p->changed = now_usec();
	waitq_init(&p->waitq);
	map_put(&ps->by_name, name, p);
	index_put(&ps->by_id, p->id, p);
	m->changed = now_usec();
	if (!is_own(m, name))
		mirror_note(m, EVENT_OF_POOL, p->id, 0, NOTE_NEW);
	return p;
}

void launches_done(struct launch *l, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(l[i].token);
		free(l[i].state);
		free(l[i].job);
		idlist_done(&l[i].engines);
	}
	free(l);
}

static void free_pool(struct mirror *m, struct pool *p)
{
	size_t i;

	waitq_wake(m->park, &p->waitq);
	for (i = 0; i < POOL_OPTIONS; i++)
		free(p->option[i]);
	launches_done(p->launch, p->launches);
	idlist_done(&p->engines);
	free(p->state);
	free(p->why);
	free(p);
}

void pool_remove(struct mirror *m, struct pool *p)
{
	if (!is_own(m, name_of(p)))
		mirror_note(m, EVENT_OF_POOL, p->id, 0, NOTE_GONE);
	map_remove(&m->pools.by_name, name_of(p));
	index_remove(&m->pools.by_id, p->id);
	m->changed = now_usec();
	event_ring_add_named(&m->events, EVENT_OF_POOL, p->name, "gone");
	free_pool(m, p);
}

void pool_gone(struct mirror *m, struct bytes name, uint64_t seq)
{
	struct pools *ps = &m->pools;
	struct pool *p = pool_find(m, name);
	unsigned i = ps->ngone++ % POOLS_GONE_KEPT;

	free(ps->gone[i].name);
	ps->gone[i].name = xmemdup_nul(name.p, name.n);
	ps->gone[i].seq = seq;
	if (p && p->seq <= seq)
		pool_remove(m, p);
}

bool pool_was_gone(const struct mirror *m, struct bytes name, uint64_t seq,
		   bool whole)
{
	const struct pools *ps = &m->pools;
	unsigned i;

	for (i = 0; i < POOLS_GONE_KEPT && i < ps->ngone; i++)
		if (ps->gone[i].seq + !whole > seq &&
		    bytes_is(name, ps->gone[i].name))
			return true;
	return false;
}

static void forget_gone(struct pools *ps)
{
	unsigned i;

	for (i = 0; i < POOLS_GONE_KEPT; i++) {
		free(ps->gone[i].name);
		ps->gone[i].name = NULL;
	}
	ps->ngone = 0;
}

void pools_forget_numbers(struct mirror *m)
{
	struct pool *p;
	uint64_t id;

	for (id = 0; (p = pool_next(m, id)); id = p->id + 1)
		p->seq = 0;
	forget_gone(&m->pools);
}

void pools_init(struct pools *ps)
{
	list_init(&ps->own);
}

void pools_done(struct mirror *m)
{
	struct pool *p;

	while ((p = pool_next(m, 0))) {
		index_remove(&m->pools.by_id, p->id);
		free_pool(m, p);
	}
	forget_gone(&m->pools);
	map_done(&m->pools.by_name);
	index_done(&m->pools.by_id);
}
