#include "page_engines.h"
#include "base/parse.h"
#include "drawing/timeline.h"
#include "mirror/group.h"
#include "page_parts.h"

#define RUNS_MOST 8	/* of an engine, that are named */
/* Bars that run are few; a thousand engines may have more slots than this. */
#define BARS_MOST (RECENT_KEPT + 4096)

struct engines {
	const struct glance *g;
	struct buf *out;
	const struct engine *engine[PAGE_ENGINES];
	int64_t id[PAGE_ENGINES];
	size_t n;
	struct timeline_bar *bar;
	size_t bars;
};

static void find_engines(struct engines *s)
{
	const struct engine *e;
	uint64_t from = 0;

	for (; s->n < PAGE_ENGINES &&
	       (e = index_next(&s->g->mirror->engines, from));
	     from = e->id + 1) {
		s->id[s->n] = (int64_t)e->id;
		s->engine[s->n++] = e;
	}
}

/* --- the timeline ------------------------------------------------------- */

static bool is_shown(const struct engines *s, int64_t engine)
{
	return s->n && engine >= 0 && engine <= s->id[s->n - 1] &&
	       mirror_engine(s->g->mirror, (uint64_t)engine);
}

static void add_bar(struct engines *s, struct timeline_bar bar)
{
	if (s->bars < BARS_MOST && is_shown(s, bar.engine))
		s->bar[s->bars++] = bar;
}

static void add_ended(struct engines *s)
{
	const struct recent *re = &s->g->mirror->recent;
	uint32_t i;

	for (i = 0; i < recent_count(re); i++) {
		const struct recent_task *t = recent_get(re, i);

		add_bar(s, (struct timeline_bar){
				   .engine = t->engine,
				   .start = t->start,
				   .end = t->end,
				   .state = (enum state)t->state,
				   .result = t->result,
				   .task = t->index,
				   .attempt = 1,
			   });
	}
}

/* "RESULT" or "RESULT/TASK". False: it is not known. */
static bool read_task(const struct mirror *m, struct bytes line,
		      const struct result **ret_r, uint32_t *ret_i)
{
	const char *p = line.p, *slash = memchr(p, '/', line.n);
	size_t n = slash ? (size_t)(slash - p) : line.n;
	uint64_t id, i = 0;

	if (parse_u64(bytes_of(p, n), 0, MIRROR_MAX_ID, &id) ||
	    (slash && parse_u64(bytes_of(slash + 1, line.n - n - 1), 0, UINT32_MAX,
				&i)))
		return false;
	*ret_r = mirror_result(m, id);
	*ret_i = (uint32_t)i;
	return *ret_r && (!(*ret_r)->group || i < (*ret_r)->group->n);
}

static void add_running(struct engines *s, const struct engine *e)
{
	struct bytes rest = bytes_str(e->running ? e->running : ""), line;
	const struct result *r;
	const struct task *t;
	uint32_t i;

	while (parse_line(&rest, &line)) {
		if (!read_task(s->g->mirror, line, &r, &i))
			continue;
		t = r->group ? group_task(r->group, i) : &r->one;
		if (t->state != STATE_RUNNING || r->born == INT64_MAX)
			continue;
		add_bar(s, (struct timeline_bar){
				   .engine = (int64_t)e->id,
				   .start = r->born + t->began,
				   .state = STATE_RUNNING,
				   .result = r->id,
				   .task = i,
				   .attempt = 1,
			   });
	}
}

static void from_array(const void *arg, uint64_t i, struct timeline_bar *ret)
{
	*ret = ((const struct timeline_bar *)arg)[i];
}

/* One, two or five minutes back: as far as there is something. */
static int64_t time_shown(const struct engines *s)
{
	static const int64_t spans[] = {60, 120, 300};
	int64_t oldest = s->g->now;
	size_t i;

	for (i = 0; i < s->bars; i++)
		if (s->bar[i].start < oldest)
			oldest = s->bar[i].start;
	for (i = 0; i + 1 < ARRAY_SIZE(spans); i++)
		if (s->g->now - oldest <= spans[i] * (int64_t)USEC_PER_SEC)
			break;
	return spans[i] * (int64_t)USEC_PER_SEC;
}

/* Times are counted from one second on: 0 is no time. */
static void put_timeline(struct engines *s)
{
	int64_t span, first;
	struct timeline t = {.task = -1, .bar = from_array};
	size_t i;

	s->bar = xreallocarray(NULL, BARS_MOST, sizeof(*s->bar));
	add_ended(s);
	for (i = 0; i < s->n; i++)
		add_running(s, s->engine[i]);
	span = time_shown(s);
	first = s->g->now - span - (int64_t)USEC_PER_SEC;
	for (i = 0; i < s->bars; i++) {
		s->bar[i].start = max_i64(s->bar[i].start - first, 1);
		if (s->bar[i].end)
			s->bar[i].end = max_i64(s->bar[i].end - first, 1);
	}
	t.now = s->g->now - first;
	t.from = (int64_t)USEC_PER_SEC;
	t.engine = s->id;
	t.nengines = s->n;
	t.n = s->bars;
	t.arg = s->bar;
	buf_puts(s->out, "<div class=\"wide line\" tabindex=\"0\" role=\"group\" "
			 "aria-label=\"timeline of engines\">\n");
	timeline_put(&t, s->out);
	buf_puts(s->out, "</div>\n");
	free(s->bar);
}

/* --- the table ---------------------------------------------------------- */

static void put_runs(struct engines *s, const struct engine *e)
{
	struct bytes rest = bytes_str(e->running ? e->running : ""), line;
	const struct result *r;
	size_t n = 0;
	uint32_t i;

	while (parse_line(&rest, &line)) {
		if (!read_task(s->g->mirror, line, &r, &i) || n++ >= RUNS_MOST)
			continue;
		if (n > 1)
			buf_puts(s->out, ", ");
		page_put_link(s->out, r->id);
		if (r->group)
			buf_printf(s->out, "/%u", i);
	}
	if (n > RUNS_MOST)
		buf_printf(s->out, " and %zu more", n - RUNS_MOST);
}

static void put_engine(struct engines *s, const struct engine *e)
{
	buf_printf(s->out, "<tr><th scope=\"row\">%llu</th><td>",
		   (unsigned long long)e->id);
	page_put_text(s->out, e->state);
	buf_puts(s->out, "</td>");
	page_put_cell(s->out, e->host);
	buf_printf(s->out, "<td class=\"n\">%lld/%lld</td><td class=\"n\">",
		   (long long)(e->slots - e->free), (long long)e->slots);
	glance_put_rate(s->g, glance_ended_by(s->g, (int64_t)e->id), s->out);
	buf_printf(s->out, "</td><td class=\"n\">%lld</td><td>",
		   (long long)e->completed);
	put_runs(s, e);
	buf_puts(s->out, "</td></tr>\n");
}

static void put_table(struct engines *s)
{
	static const char *const heads[] = {"Engine", "State", "Host", "Slots",
					    "Rate", "Ended", "Runs", NULL};
	size_t i;

	page_begin_table(s->out, "engines", heads);
	for (i = 0; i < s->n; i++)
		put_engine(s, s->engine[i]);
	page_end_table(s->out, s->n, s->g->engines);
}

void page_put_engines(const struct glance *g, struct buf *out)
{
	struct engines s = {.g = g, .out = out};

	find_engines(&s);
	buf_printf(out, "<section aria-labelledby=\"engines\">\n<h2 id=\"engines\">%zu "
			"engines: %zu busy, %zu idle, %zu lost</h2>\n",
		   g->engines, g->busy, g->idle, g->lost);
	if (s.n) {
		put_timeline(&s);
		put_table(&s);
	}
	buf_puts(out, "</section>\n");
}

/* --- pools -------------------------------------------------------------- */

static void put_pool(const struct glance *g, const struct pool *p, struct buf *out)
{
	buf_puts(out, "<tr><th scope=\"row\">");
	page_put_text(out, p->name);
	buf_puts(out, "</th>");
	page_put_cell(out, p->state);
	buf_printf(out, "<td class=\"n\">%zu</td><td class=\"n\">%zu</td>",
		   pool_known_engines(g->mirror, &p->engines), p->launches);
	page_put_cell(out, p->why);
	buf_puts(out, "</tr>\n");
}

static void put_queue(const struct queue *q, struct buf *out)
{
	buf_puts(out, "<tr><th scope=\"row\">");
	page_put_text(out, q->name);
	buf_printf(out, "</th><td>%s</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td>",
		   q->paused ? "paused" : "open", (long long)q->running,
		   (long long)q->waiting);
	if (q->limit)
		buf_printf(out, "<td class=\"n\">%lld</td></tr>\n",
			   (long long)q->limit);
	else
		buf_puts(out, "<td>none</td></tr>\n");
}

void page_put_queues(const struct glance *g, struct buf *out)
{
	static const char *const heads[] = {"Queue", "State", "Run", "Wait", "Limit",
					    NULL};
	const struct queues *qs = &g->mirror->queues;
	size_t n = 0;

	if (!qs->n)
		return;
	buf_puts(out, "<section aria-labelledby=\"queues\">\n"
		      "<h2 id=\"queues\">Queues</h2>\n");
	page_begin_table(out, "queues", heads);
	for (; n < PAGE_QUEUES && n < qs->n; n++)
		put_queue(&qs->of[n], out);
	page_end_table(out, n, qs->n);
	buf_puts(out, "</section>\n");
}

void page_put_pools(const struct glance *g, struct buf *out)
{
	static const char *const heads[] = {"Pool", "State", "Engines", "Jobs", "Why",
					    NULL};
	size_t all = index_count(&g->mirror->pools.by_id), n = 0;
	const struct pool *p;
	uint64_t from = 0;

	if (!all)
		return;
	buf_puts(out, "<section aria-labelledby=\"pools\">\n<h2 id=\"pools\">Pools</h2>\n");
	page_begin_table(out, "pools", heads);
	for (; n < PAGE_POOLS && (p = pool_next(g->mirror, from)); from = p->id + 1) {
		put_pool(g, p, out);
		n++;
	}
	page_end_table(out, n, all);
	buf_puts(out, "</section>\n");
}
