#include "base/base.h"
#include "sched.h"

#include "engines.h"
#include "events.h"
#include "foreign.h"
#include "graph.h"
#include "orders.h"
#include "run.h"

#include <sodium.h>

/* Results of one priority, first come first. */
struct bucket {
	struct list link;
	int64_t priority;
	struct list results;
};

/* --- policies ----------------------------------------------------------- */

/*
 * n > 0 engines that may be chosen, least recently used first; returns the
 * index of the one.
 */
struct policy {
	const char *name;
	size_t (*pick)(struct engine *const *e, size_t n);
};

static size_t pick_first(struct engine *const *e, size_t n)
{
	(void)e;
	(void)n;
	return 0;
}

static size_t pick_leastload(struct engine *const *e, size_t n)
{
	size_t i, best = 0;

	for (i = 1; i < n && e[best]->load > 0; i++)
		if (e[i]->load < e[best]->load)
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

/* One draw with a chance that falls with the load. */
static size_t draw(struct engine *const *e, size_t n)
{
	double sum = 0, at;
	size_t i;

	for (i = 0; i < n; i++)
		sum += 1 / (e[i]->load + 1e-6);
	at = sum * randombytes_random() / 4294967296.0;
	for (i = 0; i + 1 < n; i++) {
		at -= 1 / (e[i]->load + 1e-6);
		if (at < 0)
			break;
	}
	return i;
}

static size_t pick_weighted(struct engine *const *e, size_t n)
{
	size_t a = draw(e, n), b = draw(e, n);

	return e[a]->load <= e[b]->load ? a : b;
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

/* --- what is ready ------------------------------------------------------ */

static struct bucket *bucket_for(struct controller *c, int64_t priority)
{
	struct bucket *b;
	struct list *l;

	list_for_each(l, &c->ready) {
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

/* New ones come last; one that comes back takes its old place. */
void sched_add(struct result *r)
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
	sched_kick(r->c);
}

void sched_remove(struct result *r)
{
	list_del(&r->ready_link);
}

void sched_kick(struct controller *c)
{
	loop_defer(c->loop, &c->sched_work);
}

static void later(struct timer *t)
{
	sched_kick(container_of(t, struct controller, sched_later));
}

void sched_kick_after(struct controller *c, uint64_t usec)
{
	if (!timer_is_set(&c->sched_later))
		timer_set(c->loop, &c->sched_later, usec);
}

/* --- placing ------------------------------------------------------------ */

static bool is_one_of(const int64_t *ids, size_t n, int64_t id)
{
	size_t i;

	for (i = 0; i < n && ids[i] != id; i++)
		;
	return i < n;
}

void sched_avoid(struct result *r, int64_t engine)
{
	if (is_one_of(r->avoid, r->navoid, engine))
		return;
	r->avoid = xreallocarray(r->avoid, r->navoid + 1, sizeof(*r->avoid));
	r->avoid[r->navoid++] = engine;
}

bool sched_avoids(const struct result *r, int64_t engine)
{
	return is_one_of(r->avoid, r->navoid, engine);
}

static bool is_target(const struct result *r, const struct engine *e)
{
	return (!r->ntargets || is_one_of(r->targets, r->ntargets, e->id)) &&
	       !sched_avoids(r, e->id) && graph_allows(r, e->id);
}

void sched_tell_targets(struct controller *c, int64_t engine)
{
	struct list *l, *k;

	list_for_each(l, &c->ready) {
		struct bucket *b = list_entry(l, struct bucket, link);

		list_for_each(k, &b->results) {
			struct result *r = list_entry(k, struct result,
						      ready_link);

			if (is_one_of(r->targets, r->ntargets, engine) &&
			    result_state(r) == STATE_PENDING)
				result_changed(r, CHANGED_STATE);
		}
	}
}

/* Engines with room, in order of use. */
struct room {
	struct engine **e;
	struct engine **fit;	/* room for as many: choose()'s */
	size_t n;
	bool foreign;	/* there are engines of ipyparallel among them */
	/* There are such engines, with room or not: */
	bool shells;
	bool pythons;
};

static bool has_capacity(const struct controller *c, const struct engine *e)
{
	return !c->config.hwm || e->load < c->config.hwm;
}

/*
 * A task is a script for the shell, unless it was sent to an engine by its id,
 * or there are none but engines of ipyparallel. A client's own task (wired)
 * goes where ipyparallel would send it, but a function of Python to no shell.
 */
static bool fits(const struct room *room, const struct result *r,
		 const struct engine *e)
{
	if (!is_target(r, e))
		return false;
	if (r->wired)
		return !(r->applied && e->taskfs && !r->ntargets &&
			 room->pythons);
	return foreign_ready(e) && (foreign_is_shell(e) || r->ntargets ||
				    !room->shells);
}

static void find_room(struct controller *c, struct room *room)
{
	struct list *l;

	room->n = 0;
	room->e = xreallocarray(NULL, c->engines.n, sizeof(*room->e));
	room->fit = xreallocarray(NULL, c->engines.n, sizeof(*room->fit));
	list_for_each(l, &c->engine_order) {
		struct engine *e = list_entry(l, struct engine, order);

		room->shells |= foreign_is_shell(e);
		room->pythons |= !e->taskfs && e->state == ENGINE_LIVE;
		if (!engine_usable(e) || !has_capacity(c, e))
			continue;
		room->foreign |= !e->taskfs;
		room->e[room->n++] = e;
	}
}

static struct engine *choose(struct controller *c, const struct result *r,
			     const struct room *room)
{
	struct engine **fit = room->fit;
	size_t i, n = 0;

	if (!r->ntargets && !r->navoid && !r->ndeps && !room->foreign &&
	    !r->applied)
		return room->e[c->policy->pick(room->e, room->n)];
	for (i = 0; i < room->n; i++)
		if (fits(room, r, room->e[i]))
			fit[n++] = room->e[i];
	return n ? fit[c->policy->pick(fit, n)] : NULL;
}

/*
 * The engine has one more: it moves to the end, or out when it is full, or was
 * found to be out of reach.
 */
static void used(struct controller *c, struct room *room, struct engine *e)
{
	size_t i;

	list_del(&e->order);
	list_add_tail(&c->engine_order, &e->order);
	for (i = 0; room->e[i] != e; i++)
		;
	memmove(room->e + i, room->e + i + 1,
		(room->n - i - 1) * sizeof(*room->e));
	room->n--;
	if (engine_usable(e) && has_capacity(c, e))
		room->e[room->n++] = e;
}

/* As ipyparallel has it: with none of its targets there it ends at once. */
static void check_targets(struct controller *c, struct result *r)
{
	static const struct ending how = {
		.event = EVENT_FAIL,
		.ename = "ImpossibleDependency",
		.evalue = "none of the engines it may run on is there",
	};
	size_t i;

	for (i = 0; i < r->ntargets; i++)
		if ((engine_find(c, r->targets[i]) ||
		     orders_awaits(c, r->targets[i])) &&
		    !sched_avoids(r, r->targets[i]))
			return;
	if (r->ntargets)
		result_end_waiting(r, &how);
}

static bool has_room(const struct room *room, const struct engine *e)
{
	size_t i;

	for (i = 0; i < room->n && room->e[i] != e; i++)
		;
	return i < room->n;
}

/* A view: each task has the one engine it is for. */
static void place_pinned(struct controller *c, struct result *r,
			 struct room *room)
{
	static const struct ending gone = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the engine it was for is gone",
	};
	uint64_t i;
	bool waits = false;

	for (i = 0; i < r->ntasks && i < r->ntargets; i++) {
		struct engine *e = engine_find(c, r->targets[i]);

		if (!task_is_ready(&r->task[i]))
			continue;
		if (!e && orders_awaits(c, r->targets[i])) {
			waits = true;
		} else if (!e) {
			task_end_pending(r, (uint32_t)i, &gone);
		} else if (has_room(room, e) && foreign_ready(e)) {
			task_claim(r, i);
			run_start(r, (uint32_t)i, e);
			used(c, room, e);
		} else {
			waits = true;
		}
	}
	if (!waits)
		sched_remove(r);
}

/* When its failures are stored, the tasks that wait end. */
static bool is_halting(const struct result *r)
{
	return r->halt && r->count[STATE_ERROR] + r->failing >= r->halt;
}

static void place_result(struct controller *c, struct result *r,
			 struct room *room)
{
	if (r->pinned) {
		place_pinned(c, r, room);
		return;
	}
	while (room->n) {
		int64_t index = result_waiting_task(r);
		struct engine *e;

		if (index < 0) {
			sched_remove(r);
			return;
		}
		if (r->max_running && r->active >= r->max_running) {
			sched_remove(r);
			return;
		}
		if (is_halting(r))
			return;
		e = choose(c, r, room);
		if (!e) {
			check_targets(c, r);
			return;
		}
		task_claim(r, (uint64_t)index);
		run_start(r, (uint32_t)index, e);
		used(c, room, e);
	}
}

static void place_bucket(struct controller *c, struct bucket *b,
			 struct room *room)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &b->results) {
		if (!room->n)
			return;
		place_result(c, list_entry(l, struct result, ready_link), room);
	}
}

static void place(struct work *w)
{
	struct controller *c = container_of(w, struct controller, sched_work);
	struct room room = {0};
	struct list *l, *tmp;

	if (list_empty(&c->ready))
		return;
	find_room(c, &room);
	list_for_each_safe(l, tmp, &c->ready) {
		struct bucket *b = list_entry(l, struct bucket, link);

		if (!room.n)
			break;
		place_bucket(c, b, &room);
		if (list_empty(&b->results)) {
			list_del(&b->link);
			free(b);
		}
	}
	free(room.e);
	free(room.fit);
}

void sched_init(struct controller *c)
{
	list_init(&c->ready);
	c->sched_work.run = place;
	c->sched_later.fire = later;
}

void sched_done(struct controller *c)
{
	work_cancel(&c->sched_work);
	timer_cancel(&c->sched_later);
	while (!list_empty(&c->ready)) {
		struct bucket *b = list_first(&c->ready, struct bucket, link);

		while (!list_empty(&b->results))
			list_del(b->results.next);
		list_del(&b->link);
		free(b);
	}
}
