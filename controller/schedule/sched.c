#include "base/base.h"
#include "sched.h"

#include "ending.h"
#include "graph.h"
#include "model/changes.h"
#include "model/engines.h"
#include "model/ready.h"
#include "model/tasks.h"
#include "policy.h"
#include "run.h"
#include "unbegun.h"
#include "why.h"

struct schedule {
	struct controller *c;
	struct work work;
	struct timer later;
	bool check_all;		/* each that is ready is to be asked for an engine */
	int told_missing;	/* enum missing (why.h): what waits was told so */
};

void sched_kick(struct controller *c)
{
	loop_defer(c->loop, &c->schedule->work);
}

static void later(struct timer *t)
{
	sched_kick(container_of(t, struct schedule, later)->c);
}

void sched_kick_after(struct controller *c, uint64_t usec)
{
	if (!timer_is_set(&c->schedule->later))
		timer_set(c->loop, &c->schedule->later, usec);
}

/* --- placing ------------------------------------------------------------ */

static bool is_target(const struct result *r, const struct engine *e)
{
	return (!r->ntargets || is_one_of(r->targets, r->ntargets, e->id)) &&
	       !result_avoids(r, e->id) && graph_allows(r, e->id);
}

static void each_ready(struct controller *c, void *arg,
		       void (*f)(struct result *r, void *arg))
{
	struct list *l, *k, *tmp;

	list_for_each(l, &c->ready->buckets) {
		struct bucket *b = list_entry(l, struct bucket, link);

		list_for_each_safe(k, tmp, &b->results)
			f(list_entry(k, struct result, ready_link), arg);
	}
}

static void tell_who_names(struct result *r, void *arg)
{
	const int64_t *engine = arg;

	if (is_one_of(r->targets, r->ntargets, *engine))
		result_changed(r, CHANGED_STATE);
}

static void tell_who_names_none(struct result *r, void *arg)
{
	(void)arg;
	if (!r->ntargets)
		result_changed(r, CHANGED_STATE);
}

void sched_tell_waiting(struct controller *c, int64_t engine)
{
	enum missing missing = why_missing(c);

	each_ready(c, &engine, tell_who_names);
	if ((int)missing != c->schedule->told_missing)
		each_ready(c, NULL, tell_who_names_none);
	c->schedule->told_missing = (int)missing;
}

/* Engines with room, in order of use. */
struct room {
	struct engine **e;
	struct engine **fit;	/* room for as many: choose()'s */
	size_t n;
	bool choosy;	/* not each of them takes everything */
	/* There are such engines, with room or not: */
	bool shells;
	bool pythons;
};

/* One task for each slot, and what --hwm allows to wait there. */
static bool has_capacity(const struct controller *c, const struct engine *e)
{
	return !c->config.hwm || e->load < e->slots - 1 + c->config.hwm;
}

/*
 * A task is a script for the shell, unless it was sent to an engine by its id,
 * or there are none but engines of ipyparallel. A client's own task
 * goes where ipyparallel would send it, but a function of Python to no shell.
 */
static bool fits(const struct room *room, const struct result *r,
		 const struct engine *e)
{
	if (!is_target(r, e))
		return false;
	if (r->ops->takes_unready)
		return !(r->applied && e->shell && !r->ntargets &&
			 room->pythons);
	return e->ready && (e->shell || r->ntargets || !room->shells);
}

static void find_room(struct controller *c, struct room *room)
{
	struct list *l;

	room->n = 0;
	room->e = xreallocarray(NULL, c->engines->by_id.n, sizeof(*room->e));
	room->fit = xreallocarray(NULL, c->engines->by_id.n, sizeof(*room->fit));
	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		room->shells |= engine_is_there(e) && e->shell;
		room->pythons |= !e->shell && e->state == ENGINE_LIVE;
		if (!engine_usable(e) || !has_capacity(c, e))
			continue;
		room->choosy |= !e->shell || !e->ready;
		room->e[room->n++] = e;
	}
}

static struct engine *choose(struct controller *c, const struct result *r,
			     const struct room *room)
{
	struct engine **fit = room->fit;
	size_t i, n = 0;

	if (!r->ntargets && !r->navoid && !r->ndeps && !room->choosy &&
	    !r->applied)
		return room->e[c->policy->pick(room->e, room->n)];
	for (i = 0; i < room->n; i++)
		if (fits(room, r, room->e[i]))
			fit[n++] = room->e[i];
	return n ? fit[c->policy->pick(fit, n)] : NULL;
}

/* The engine has one task more: it moves to the end, or out when it is full or was
 * found to be out of reach. */
static void used(struct controller *c, struct room *room, struct engine *e)
{
	size_t i;

	list_del(&e->order);
	list_add_tail(&c->engines->order, &e->order);
	for (i = 0; room->e[i] != e; i++)
		;
	memmove(room->e + i, room->e + i + 1,
		(room->n - i - 1) * sizeof(*room->e));
	room->n--;
	if (engine_usable(e) && has_capacity(c, e))
		room->e[room->n++] = e;
}

static bool has_room(const struct room *room, const struct engine *e)
{
	size_t i;

	for (i = 0; i < room->n && room->e[i] != e; i++)
		;
	return i < room->n;
}

/* --- with nobody to wait for --------------------------------------------- */

#define TARGETS_NAMED 100

/* As ipyparallel has it: with none of its targets there it ends at once. */
static void check_targets(struct result *r)
{
	static const struct ending impossible = {
		.event = EVENT_FAIL,
		.ename = "ImpossibleDependency",
	};
	struct buf ids = BUF_INIT;
	size_t i;

	for (i = 0; i < r->ntargets; i++)
		if (engine_is_expected(r->c, r->targets[i]) &&
		    !result_avoids(r, r->targets[i]))
			return;
	for (i = 0; i < r->ntargets && i < TARGETS_NAMED; i++)
		buf_printf(&ids, " %lld", (long long)r->targets[i]);
	result_end_saying(r, &impossible,
			  "none of the engines it may run on is there:%s",
			  buf_str(&ids));
	buf_done(&ids);
}

/* A view: each task has the one engine it is for. */
static void check_pinned(struct result *r)
{
	static const struct ending gone = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the engine it was for is gone",
	};
	uint64_t i;

	for (i = 0; i < r->ntasks && i < r->ntargets; i++)
		if (task_is_ready(&r->task[i]) &&
		    !engine_is_expected(r->c, r->targets[i]))
			task_end_pending(r, (uint32_t)i, &gone);
}

static void check(struct result *r, void *arg)
{
	(void)arg;
	if (r->pinned)
		check_pinned(r);
	else if (r->ntargets)
		check_targets(r);
}

/* A task that no engine can run ends now, however busy the engines are. */
static void check_all(struct controller *c)
{
	size_t i;

	if (c->schedule->check_all)
		each_ready(c, NULL, check);
	for (i = 0; i < c->ready->nunchecked && !c->schedule->check_all; i++) {
		struct result *r = result_find(c, c->ready->unchecked[i]);

		if (r && !list_empty(&r->ready_link))
			check(r, NULL);
	}
	c->schedule->check_all = false;
	c->ready->nunchecked = 0;
}

void sched_check(struct controller *c)
{
	c->schedule->check_all = true;
	sched_kick(c);
}

/* --- handing out --------------------------------------------------------- */

static void place_pinned(struct result *r, struct room *room)
{
	struct controller *c = r->c;
	uint64_t i;
	bool waits = false;

	for (i = 0; i < r->ntasks && i < r->ntargets; i++) {
		struct engine *e = engine_find(c, r->targets[i]);

		if (!task_is_ready(&r->task[i]))
			continue;
		if (e && has_room(room, e) && e->ready) {
			task_claim(r, i);
			run_start(r, (uint32_t)i, e);
			used(c, room, e);
		} else {
			waits = true;
		}
	}
	if (!waits)
		ready_remove(r);
}

/* Whether so many tasks of the map fail now that, once that is stored, those that
 * wait end. */
static bool is_halting(const struct result *r)
{
	return r->halt && r->count[STATE_ERROR] + r->failing >= r->halt;
}

static void place_result(struct controller *c, struct result *r,
			 struct room *room)
{
	if (r->pinned) {
		place_pinned(r, room);
		return;
	}
	while (room->n) {
		int64_t index = result_waiting_task(r);
		struct engine *e;

		if (index < 0) {
			ready_remove(r);
			return;
		}
		if (r->max_running && r->active >= r->max_running) {
			ready_remove(r);
			return;
		}
		if (is_halting(r))
			return;
		e = choose(c, r, room);
		if (!e)
			return;
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
	struct controller *c = container_of(w, struct schedule, work)->c;
	struct room room = {0};
	struct list *l, *tmp;

	check_all(c);
	if (list_empty(&c->ready->buckets))
		return;
	find_room(c, &room);
	list_for_each_safe(l, tmp, &c->ready->buckets) {
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
	c->schedule = zalloc(sizeof(*c->schedule));
	c->schedule->c = c;
	c->schedule->work.run = place;
	c->schedule->later.fire = later;
	c->ready->wake = sched_kick;
}

void sched_done(struct controller *c)
{
	c->ready->wake = NULL;
	work_cancel(&c->schedule->work);
	timer_cancel(&c->schedule->later);
	free(c->schedule);
	c->schedule = NULL;
}
