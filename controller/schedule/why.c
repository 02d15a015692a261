#include "base/base.h"
#include "why.h"

#include "fit.h"
#include "graph.h"
#include "model/carrier.h"
#include "model/engines.h"
#include "model/queues.h"
#include "model/ready.h"
#include "model/tasks.h"
#include "store/store.h"

#define LIMIT_NAMED 100 /* engines */

/* --- engines that it names ---------------------------------------------- */

/* What a result waits for with one of its engines. */
enum wait {
	WAIT_NOT,	/* it is not there, or had it already */
	WAIT_FREE,
	WAIT_DRAINING,
	WAIT_AWAY,
	WAIT_RESTART,
	WAITS,
};

static enum wait wait_for(const struct result *r, int64_t id)
{
	const struct engine *e = engine_find(r->c, id);

	if (result_avoids(r, id))
		return WAIT_NOT;
	if (!e)
		return engine_is_expected(r->c, id) ? WAIT_RESTART : WAIT_NOT;
	if (engine_is_away(e))
		return WAIT_AWAY;
	return e->draining || e->leaving ? WAIT_DRAINING : WAIT_FREE;
}

static void put_room(const struct result *r, struct buf *out)
{
	if (needs_one(r->needs)) {
		buf_puts(out, "to be free");
		return;
	}
	buf_puts(out, "to have so much free: ");
	needs_put(r->needs, out);
}

static void put_one(const struct result *r, int64_t id, struct buf *out)
{
	enum wait wait = wait_for(r, id);

	buf_printf(out, "engine %lld ", (long long)id);
	if (wait == WAIT_AWAY) {
		buf_puts(out, "is ");
		engine_put_away(engine_find(r->c, id), out);
	} else if (wait == WAIT_RESTART) {
		buf_puts(out, "to be there again: it restarts");
	} else if (wait == WAIT_DRAINING) {
		buf_puts(out, "to take tasks again: it is draining");
	} else {
		put_room(r, out);
	}
}

/* Of a view only those engines count whose task waits. */
static bool concerns(const struct result *r, size_t i)
{
	return wait_for(r, r->targets[i]) != WAIT_NOT &&
	       (!r->pinned || (i < r->ntasks && task_is_waiting(&r->task[i])));
}

/* Counts the engines by what is waited for; returns how many there are. */
static size_t count(const struct result *r, size_t n[WAITS])
{
	size_t i, all = 0;

	memset(n, 0, WAITS * sizeof(*n));
	for (i = 0; i < r->ntargets; i++) {
		if (!concerns(r, i))
			continue;
		n[wait_for(r, r->targets[i])]++;
		all++;
	}
	return all;
}

/* each: every engine with what is waited for; else its number alone. */
static void put_named(const struct result *r, bool each, struct buf *out)
{
	const char *separator = each ? "" : " ";
	size_t i, n = 0;

	for (i = 0; i < r->ntargets && n < LIMIT_NAMED; i++) {
		if (!concerns(r, i))
			continue;
		n++;
		buf_puts(out, separator);
		if (each)
			put_one(r, r->targets[i], out);
		else
			buf_printf(out, "%lld", (long long)r->targets[i]);
		separator = each ? ", " : " ";
	}
}

static void put_targets(const struct result *r, struct buf *out)
{
	size_t n[WAITS], all = count(r, n);

	if (all > 1 && !r->pinned)
		buf_puts(out, "one of the engines");
	if (all < 2 || r->pinned) {
		put_named(r, true, out);
	} else if (n[WAIT_FREE] == all) {
		put_named(r, false, out);
		buf_putc(out, ' ');
		put_room(r, out);
	} else if (n[WAIT_DRAINING] == all) {
		put_named(r, false, out);
		buf_puts(out, " to take tasks again: all are draining");
	} else {
		buf_puts(out, ": ");
		put_named(r, true, out);
	}
}

/* --- any engine --------------------------------------------------------- */

enum missing why_missing(const struct controller *c)
{
	enum missing missing = MISSING_ALL;
	const struct list *l;

	list_for_each(l, &c->engines->order) {
		const struct engine *e = list_entry(l, struct engine, order);

		if (!engine_is_there(e))
			continue;
		if (!e->draining)
			return MISSING_FREE;
		missing = MISSING_TAKERS;
	}
	return missing;
}

/* A client's task is not given to the same engine again. */
static bool all_had_it(const struct result *r)
{
	const struct list *l;

	list_for_each(l, &r->c->engines->order) {
		const struct engine *e = list_entry(l, struct engine, order);

		if (engine_is_there(e) && !result_avoids(r, e->id))
			return false;
	}
	return true;
}

/* --- what it needs -------------------------------------------------------- */

/* The engine counts for what the result waits for. */
static bool counts(const struct result *r, const struct engine *e)
{
	return engine_is_there(e) && e->ready && !result_avoids(r, e->id) &&
	       (!r->ntargets || is_one_of(r->targets, r->ntargets, e->id));
}

/* There are engines for it, and none of them has all. */
static bool none_has_all(const struct result *r)
{
	const struct list *l;
	bool some = false;

	list_for_each(l, &r->c->engines->order) {
		const struct engine *e = list_entry(l, struct engine, order);

		if (!counts(r, e))
			continue;
		some = true;
		if (fit_ever(r, e))
			return false;
	}
	return some;
}

/* The most that one engine has of it. */
static int64_t largest(const struct result *r, const char *name)
{
	const struct list *l;
	int64_t most = 0;

	list_for_each(l, &r->c->engines->order) {
		const struct engine *e = list_entry(l, struct engine, order);
		const struct stock *s = stocks_find(&e->stocks, name);
		int64_t has = s ? s->total : 0;

		if (strcmp(name, "cpus") == 0)
			has = e->slots;
		if (counts(r, e) && has > most)
			most = has;
	}
	return most;
}

/* One resource; false: an engine has as much. */
static bool put_lack(const struct result *r, const char *name, int64_t wanted,
		     struct buf *out)
{
	int64_t most = largest(r, name);

	if (most >= wanted)
		return false;
	buf_printf(out, "%s%s: ", out->n ? ", " : "", name);
	resource_put(out, name, wanted);
	buf_puts(out, " wanted, ");
	if (most) {
		buf_puts(out, "the largest engine has ");
		resource_put(out, name, most);
	} else {
		buf_puts(out, "no engine has it");
	}
	return true;
}

/* It needs more time than any engine is there; false: one is, or nobody knows. */
static bool put_lack_of_time(const struct result *r, struct buf *out)
{
	uint64_t now = mono_usec(), longest = 0;
	const struct list *l;

	list_for_each(l, &r->c->engines->order) {
		const struct engine *e = list_entry(l, struct engine, order);

		if (!counts(r, e))
			continue;
		if (fit_in_time(r->needs, e, now))
			return false;
		longest = max_u64(longest, e->ends > now ? e->ends - now : 0);
	}
	buf_printf(out, "%smin_time: %.15g s wanted, the last engine ends in %llu s",
		   out->n ? ", " : "",
		   (double)r->needs->min_time / USEC_PER_SEC,
		   (unsigned long long)(longest / USEC_PER_SEC));
	return true;
}

/* No engine has what it needs, however busy they are; false: there is one. */
static bool put_lacks(const struct result *r, struct buf *out)
{
	const struct needs *n = r->needs;
	bool lacks;
	size_t i;

	if (needs_one(n) || !none_has_all(r))
		return false;
	lacks = put_lack(r, "cpus", n->cpus, out);
	for (i = 0; i < n->other.n; i++)
		lacks |= put_lack(r, n->other.of[i].name, n->other.of[i].n, out);
	lacks |= put_lack_of_time(r, out);
	if (!lacks) {
		buf_puts(out, "no engine has all of it: ");
		needs_put(n, out);
	}
	return true;
}

static void put_free(const struct result *r, struct buf *out)
{
	if (needs_one(r->needs)) {
		buf_puts(out, "an engine to be free");
		return;
	}
	buf_puts(out, "an engine with so much free: ");
	needs_put(r->needs, out);
}

static void put_missing(const struct result *r, struct buf *out)
{
	enum missing missing = why_missing(r->c);

	if (missing == MISSING_ALL)
		buf_puts(out, "an engine to register");
	else if (missing == MISSING_TAKERS)
		buf_puts(out, "an engine that takes tasks: all are draining");
	else if (all_had_it(r))
		buf_puts(out, "another engine: it failed on, or was refused "
			      "by, all that there are");
	else
		put_free(r, out);
}

/* --- in all ------------------------------------------------------------- */

/* Whether more engines are started that could run it. */
static void put_started(const struct result *r, struct buf *out)
{
	if (r->c->ready->started && !r->ntargets && !r->applied)
		r->c->ready->started(r, out);
}

static void put_any(const struct result *r, struct buf *out)
{
	put_missing(r, out);
	put_started(r, out);
}

static void put_queue(const struct queue *q, struct buf *out)
{
	if (q->paused)
		buf_printf(out, "the queue %s to be resumed: it is paused", q->name);
	else
		buf_printf(out, "room in the queue %s, whose limit is %llu", q->name,
			   (unsigned long long)q->limit);
}

static void put_place(const struct result *r, struct buf *out)
{
	const char *away = r->c->carrier->is_away(r->c);

	if (away)
		buf_puts(out, away);
	else if (store_is_full(r->c->store))
		buf_puts(out, "room on the controller's disk, which is full");
	else if (!queue_room(r->queue))
		put_queue(r->queue, out);
	else if (r->max_running && r->active >= r->max_running)
		buf_printf(out, "one of its own tasks to end: max_running is %llu",
			   (unsigned long long)r->max_running);
	else if (why_missing(r->c) != MISSING_ALL && put_lacks(r, out))
		put_started(r, out);
	else if (r->ntargets)
		put_targets(r, out);
	else
		put_any(r, out);
}

static void put_begin(const struct result *r, struct buf *out)
{
	char date[DATE_SIZE];

	date_format(r->submitted + r->begin, date);
	buf_printf(out, "%sbegin %s", out->n ? ", " : "", date);
}

void why_put_unstored(const struct result *r, struct buf *out)
{
	if (r->unstored == -ENOSPC)
		buf_puts(out, "its end to be stored: the controller's disk is "
			      "full");
	else if (r->unstored)
		buf_printf(out, "its end to be stored: %s",
			   strerror(-r->unstored));
}

void why_put(const struct result *r, struct buf *out)
{
	if (!r->count[STATE_PENDING]) {
		if (r->open && !r->count[STATE_RUNNING])
			buf_puts(out, "more items (>> map), or close (> ctl)");
		return;
	}
	graph_why(r, out);
	if (r->held)
		buf_printf(out, "%shold", out->n ? ", " : "");
	if (r->early)
		put_begin(r, out);
	if (!out->n)
		put_place(r, out);
}
