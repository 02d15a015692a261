#include "glance.h"
#include "base/parse.h"

/* --- the whole ---------------------------------------------------------- */

/* When the ring is full, what was before it is not known. */
static void look_at_recent(struct glance *g)
{
	const struct recent *re = &g->mirror->recent;
	uint32_t i, n = recent_count(re);
	int64_t oldest;

	g->span = GLANCE_SPAN;
	if (n == RECENT_KEPT) {
		oldest = g->now - recent_get(re, n - 1)->end;
		g->span = max_i64(oldest < GLANCE_SPAN ? oldest : GLANCE_SPAN, 1);
	}
	for (i = 0; i < n; i++) {
		const struct recent_task *t = recent_get(re, i);

		if (t->end < g->now - g->span)
			continue;
		g->ended++;
		g->failed += t->state == STATE_ERROR;
	}
}

static bool is(const char *state, const char *word)
{
	return state && strcmp(state, word) == 0;
}

static void look_at_engines(struct glance *g)
{
	const struct engine *e;
	uint64_t from = 0;

	for (; (e = index_next(&g->mirror->engines, from)); from = e->id + 1) {
		g->engines++;
		g->busy += is(e->state, "busy");
		g->idle += is(e->state, "idle");
		g->lost += is(e->state, "lost");
		if (is(e->state, "lost"))
			continue;
		g->slots += e->slots;
		g->free += e->free;
	}
}

void glance_init(struct glance *g, const struct obj *o)
{
	*g = (struct glance){
		.fs = o->fs,
		.mirror = o->fs->mirror,
		.uid = o->by.uid,
		.all = asker_sees_all(o),
		.now = steady_usec(),
	};
	look_at_recent(g);
	look_at_engines(g);
}

/* --- results ------------------------------------------------------------ */

const char *glance_name(const struct result *r)
{
	const char *name = result_name(r);

	return name ? name : "";
}

/* Those in a state; STATES: any that is final. */
static bool is_wanted(const struct glance *g, const struct result *r, enum state s)
{
	return (g->all || (uid_t)r->uid == g->uid) &&
	       (s == STATES ? result_is_final(r) : r->status == s);
}

static size_t oldest(const struct glance *g, const struct index *ix, enum state s,
		     const struct result **ret, size_t n)
{
	size_t i, found = 0;

	for (i = 0; i < ix->n && i < GLANCE_LOOKS && found < n; i++)
		if (ix->row[i].p && is_wanted(g, ix->row[i].p, s))
			ret[found++] = ix->row[i].p;
	return found;
}

static size_t newest(const struct glance *g, const struct index *ix, enum state s,
		     const struct result **ret, size_t n)
{
	size_t i, found = 0;

	for (i = ix->n; i > 0 && ix->n - i < GLANCE_LOOKS && found < n; i--)
		if (ix->row[i - 1].p && is_wanted(g, ix->row[i - 1].p, s))
			ret[found++] = ix->row[i - 1].p;
	return found;
}

size_t glance_running(const struct glance *g, const struct result **ret, size_t n)
{
	return oldest(g, &g->mirror->running, STATE_RUNNING, ret, n);
}

size_t glance_waiting(const struct glance *g, const struct result **ret, size_t n)
{
	return oldest(g, &g->mirror->unfinished, STATE_PENDING, ret, n);
}

size_t glance_failed(const struct glance *g, const struct result **ret, size_t n)
{
	return newest(g, &g->mirror->failed, STATE_ERROR, ret, n);
}

size_t glance_ended(const struct glance *g, const struct result **ret, size_t n)
{
	return newest(g, &g->mirror->results, STATES, ret, n);
}

/* --- engines ------------------------------------------------------------ */

/* Each of the lines "RESULT" or "RESULT/TASK" that an engine runs. */
static void add_running(const struct engine *e, const struct result *const *r,
			size_t n, struct idlist *where)
{
	struct bytes rest = bytes_str(e->running ? e->running : ""), line;
	const char *slash;
	uint64_t id;
	size_t i;

	while (parse_line(&rest, &line)) {
		slash = memchr(line.p, '/', line.n);
		if (slash)
			line.n = (size_t)(slash - (const char *)line.p);
		if (parse_u64(line, 0, MIRROR_MAX_ID, &id))
			continue;
		for (i = 0; i < n; i++)
			if (r[i]->id == id &&
			    (!where[i].n || where[i].id[where[i].n - 1] != e->id))
				idlist_add(&where[i], e->id);
	}
}

void glance_where(const struct glance *g, const struct result *const *r, size_t n,
		  struct idlist *where)
{
	const struct engine *e;
	uint64_t from = 0;

	for (; (e = index_next(&g->mirror->engines, from)); from = e->id + 1)
		add_running(e, r, n, where);
}

void glance_put_engines(const struct idlist *ids, struct buf *out)
{
	size_t i, last;

	for (i = 0; i < ids->n; i = last + 1) {
		last = i;
		while (last + 1 < ids->n && ids->id[last + 1] == ids->id[last] + 1)
			last++;
		buf_printf(out, "%s%llu", i ? "," : "",
			   (unsigned long long)ids->id[i]);
		if (last > i)
			buf_printf(out, "-%llu", (unsigned long long)ids->id[last]);
	}
}

size_t glance_ended_by(const struct glance *g, int64_t engine)
{
	const struct recent *re = &g->mirror->recent;
	uint32_t i, n = recent_count(re);
	size_t ended = 0;

	for (i = 0; i < n; i++) {
		const struct recent_task *t = recent_get(re, i);

		ended += t->engine == engine && t->end >= g->now - g->span;
	}
	return ended;
}

void glance_put_rate(const struct glance *g, size_t tasks, struct buf *out)
{
	double rate = (double)tasks * 1e6 / (double)g->span;

	buf_printf(out, "%.*f/s", rate && rate < 1 ? 2 : rate < 100, rate);
}
