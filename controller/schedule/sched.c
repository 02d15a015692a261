#include "base/base.h"
#include "sched.h"

#include "ahead.h"
#include "ending.h"
#include "fit.h"
#include "keep.h"
#include "model/changes.h"
#include "model/engines.h"
#include "model/queues.h"
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
	uint64_t turn;		/* how many times place() has looked */
	bool check_all;		/* each that is ready is to be asked for an engine */
	int64_t ahead;		/* nothing of less priority is ahead */
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

static void each_of_line(struct line *line, void *arg,
			 void (*f)(struct result *r, void *arg))
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &line->results)
		f(list_entry(l, struct result, ready_link), arg);
}

static void each_ready(struct controller *c, void *arg,
		       void (*f)(struct result *r, void *arg))
{
	struct list *l, *k;

	list_for_each(l, &c->ready->buckets)
		list_for_each(k, &list_entry(l, struct bucket, link)->lines)
			each_of_line(list_entry(k, struct line, link), arg, f);
}

/* What has changed: an engine; and what is missing in all. */
struct news {
	int64_t engine;
	bool all;
};

/* Which resources there are matters to who needs some. */
static void tell(struct result *r, void *arg)
{
	const struct news *news = arg;

	if (r->ntargets ? is_one_of(r->targets, r->ntargets, news->engine)
			: news->all || !needs_one(r->needs))
		result_changed(r, CHANGED_STATE);
}

void sched_tell_waiting(struct controller *c, int64_t engine)
{
	enum missing missing = why_missing(c);
	struct news news = {engine, (int)missing != c->schedule->told_missing};

	each_ready(c, &news, tell);
	c->schedule->told_missing = (int)missing;
}

static void tell_each(struct result *r, void *arg)
{
	(void)arg;
	result_changed(r, CHANGED_STATE);
}

void sched_tell_all(struct controller *c)
{
	each_ready(c, NULL, tell_each);
}

void sched_on_disk(struct controller *c)
{
	sched_tell_all(c);
	sched_kick(c);
}

/* Engines with room, in order of use. */
struct room {
	struct engine **e;
	struct engine **fit;	/* room for as many: choose()'s */
	size_t n;
	bool choosy;	/* not each of them takes everything */
	bool kept;	/* some are kept for a task that needs much */
	bool takers;	/* some engines take tasks ahead (ahead.h) */
	bool ahead;	/* it is room for such tasks: they have to wait there */
	struct speakers speakers;
};

/* The least that a task needs. */
static bool has_room_for_one(const struct room *room, const struct engine *e)
{
	if (room->ahead)
		return ahead_has_room(e);
	return engine_usable(e) && fit_now(e->c->results->needs_one, e);
}

static void find_room(struct controller *c, struct room *room)
{
	struct list *l;

	room->n = 0;
	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		fit_note(&room->speakers, e);
		room->takers |= e->takes_ahead;
		if (!has_room_for_one(room, e))
			continue;
		room->choosy |= !e->shell || !e->ready;
		room->e[room->n++] = e;
	}
}

static bool takes_any(const struct result *r)
{
	return !r->ntargets && !r->navoid && !r->ndeps && !r->applied &&
	       needs_one(r->needs);
}

static struct engine *choose(struct controller *c, const struct result *r,
			     const struct room *room)
{
	uint64_t turn = c->schedule->turn;
	struct engine **fit = room->fit;
	size_t i, n = 0;

	if (takes_any(r) && !room->choosy && !room->kept)
		return room->e[c->policy->pick(room->e, room->n)];
	for (i = 0; i < room->n; i++)
		if (fit_now(r->needs, room->e[i]) &&
		    fit_allows(&room->speakers, r, room->e[i]) &&
		    !keep_forbids(r, room->e[i], turn))
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
	if (has_room_for_one(room, e))
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

static bool can_begin(const struct result *r, const struct room *room,
		      const struct engine *e)
{
	return queue_room(r->queue) && has_room(room, e) && e->ready && fit_now(r->needs, e) &&
	       !keep_forbids(r, e, r->c->schedule->turn);
}

static void place_pinned(struct result *r, struct room *room)
{
	struct controller *c = r->c;
	uint64_t i;
	bool waits = false;

	for (i = 0; i < r->ntasks && i < r->ntargets; i++) {
		struct engine *e = engine_find(c, r->targets[i]);

		if (!task_is_ready(&r->task[i]))
			continue;
		if (e && can_begin(r, room, e)) {
			task_claim(r, i);
			run_start(r, (uint32_t)i, e);
			used(c, room, e);
			continue;
		}
		waits = true;
		if (e && !needs_one(r->needs) && fit_ever(r, e)) {
			keep_this(r, e, c->schedule->turn);
			room->kept = true;
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

/* false: there was no engine for a task of it. */
static bool place_result(struct controller *c, struct result *r,
			 struct room *room)
{
	while (room->n) {
		int64_t index = result_waiting_task(r);
		struct engine *e;

		if (index < 0 ||
		    (r->max_running && r->active >= r->max_running)) {
			ready_remove(r);
			return true;
		}
		if (is_halting(r) || !queue_room(r->queue))
			return true;
		e = choose(c, r, room);
		if (!e)
			return false;
		task_claim(r, (uint64_t)index);
		run_start(r, (uint32_t)index, e);
		used(c, room, e);
	}
	return true;
}

/* The next result of a line that has one. */
static struct result *first_of(const struct line *line)
{
	return list_entry(line->at, struct result, ready_link);
}

/* The line whose next result came first; NULL: none has one. */
static struct line *first_line(struct bucket *b)
{
	struct line *best = NULL;
	uint64_t least = UINT64_MAX;
	struct list *l;

	list_for_each(l, &b->lines) {
		struct line *line = list_entry(l, struct line, link);
		uint64_t id;

		if (!line->at || line->at == &line->results)
			continue;
		id = first_of(line)->id;
		if (id < least) {
			least = id;
			best = line;
		}
	}
	return best;
}

/* Those that came last do not know it yet. */
static void tell_full(struct line *line)
{
	struct list *at;

	for (at = line->results.prev; at != &line->results; at = at->prev) {
		struct result *r = list_entry(at, struct result, ready_link);

		if (r->told_full)
			break;
		r->told_full = true;
		result_changed(r, CHANGED_STATE);
	}
}

/* The next of the line. Where it finds no engine, those behind it find none. */
static void place_next(struct controller *c, struct line *line,
		       struct room *room)
{
	struct result *r = first_of(line);
	struct list *at = line->at;
	bool placed = true;

	if (!queue_room(line->queue)) {
		tell_full(line);
		line->at = NULL;
		return;
	}
	if (r->pinned)
		place_pinned(r, room);
	else
		placed = place_result(c, r, room);
	if (line->at == at)
		line->at = at->next;
	if (placed)
		return;
	keep_engine(r, &room->speakers, c->schedule->turn);
	room->kept |= !needs_one(r->needs);
	if (!line->each)
		line->at = NULL;
}

static void place_bucket(struct controller *c, struct bucket *b,
			 struct room *room)
{
	struct list *l, *tmp;
	struct line *line;

	if (room->ahead)
		c->schedule->ahead = b->priority;
	list_for_each(l, &b->lines) {
		line = list_entry(l, struct line, link);
		line->at = line->results.next;
	}
	while (room->n && (line = first_line(b)) != NULL) {
		/* Nobody passes who cannot go ahead. */
		if (room->ahead && !ahead_suits(first_of(line)))
			room->n = 0;
		else
			place_next(c, line, room);
	}
	list_for_each_safe(l, tmp, &b->lines) {
		line = list_entry(l, struct line, link);
		line->at = NULL;
		if (list_empty(&line->results))
			line_drop(b, line);
	}
}

/* Gives what is ready to the engines that have room. */
static void place_all(struct controller *c, struct room *room)
{
	struct list *l, *tmp;

	find_room(c, room);
	list_for_each_safe(l, tmp, &c->ready->buckets) {
		struct bucket *b = list_entry(l, struct bucket, link);

		if (!room->n)
			break;
		place_bucket(c, b, room);
		if (list_empty(&b->lines))
			bucket_drop(b);
	}
}

/* No engine is free for what is left. It goes before what is worth less and was given
 * ahead. */
static void place_ahead(struct controller *c, struct room *room)
{
	struct schedule *s = c->schedule;
	int64_t priority;

	if (!room->takers || room->kept || list_empty(&c->ready->buckets))
		return;
	priority = list_first(&c->ready->buckets, struct bucket, link)->priority;
	if (priority > s->ahead) {
		ahead_recall_below(c, priority);
		s->ahead = priority;
	}
	/* What is worth less could pass them. */
	if (c->ready->buckets.next != c->ready->buckets.prev)
		return;
	room->ahead = true;
	room->choosy = false;
	place_all(c, room);
}

static void place(struct work *w)
{
	struct controller *c = container_of(w, struct schedule, work)->c;
	struct room room = {0};

	check_all(c);
	if (list_empty(&c->ready->buckets))
		return;
	c->schedule->turn++;
	room.e = xreallocarray(NULL, c->engines->by_id.n, sizeof(*room.e));
	room.fit = xreallocarray(NULL, c->engines->by_id.n, sizeof(*room.fit));
	place_all(c, &room);
	place_ahead(c, &room);
	free(room.e);
	free(room.fit);
	if (c->ready->waits && !list_empty(&c->ready->buckets))
		c->ready->waits(c);
}

void sched_init(struct controller *c)
{
	c->schedule = zalloc(sizeof(*c->schedule));
	c->schedule->c = c;
	c->schedule->ahead = INT64_MAX;
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
