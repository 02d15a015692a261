#include "top.h"
#include "base/parse.h"
#include "cluster/controller.h"
#include "results/progress.h"
#include "wire/ids.h"

#define TEXT_MOST 256	/* bytes of a foreign text that are looked at */

/* What is shown of a list, and how many there are in all. */
struct list_of {
	size_t known, all, shown;
};

enum { ENGINES, RUNNING, WAITING, FAILED, QUEUES, POOLS, SECTIONS };

struct top {
	const struct glance *g;
	struct buf *out;
	struct list_of list[SECTIONS];
	size_t lines;		/* so far */
	const struct engine *engine[TOP_LINES];
	const struct result *running[TOP_LINES], *waiting[TOP_LINES];
	const struct result *failed[TOP_LINES];
	const struct pool *pool[TOP_LINES];
	struct idlist where[TOP_LINES];	/* of those that run */
};

/* --- cells -------------------------------------------------------------- */

/* What may be wide takes two columns. */
static size_t columns_of(const unsigned char *p, size_t n)
{
	return n > 2 && *p >= 0xe1 ? 2 : 1;
}

/* A text of so many columns at most; what is longer ends with a dot, and what is
   shorter, with blanks. */
static void put_cell(struct buf *out, struct bytes text, size_t width)
{
	struct buf b = BUF_INIT;
	size_t i, n, at = 0;

	buf_put_escaped(&b, text, TEXT_MOST);
	for (i = 0; i < b.n; i += n) {
		const unsigned char *p = (const unsigned char *)b.p + i;
		size_t w;

		n = utf8_char(p, b.n - i);
		w = columns_of(p, n);
		if (at + w + (i + n < b.n) > width)
			break;
		buf_put(out, p, n);
		at += w;
	}
	if (i < b.n && at < width) {
		buf_putc(out, '.');
		at++;
	}
	for (; at < width; at++)
		buf_putc(out, ' ');
	buf_done(&b);
}

/* A cell that is not the last, and a blank. */
static void put(struct buf *out, const char *text, size_t width)
{
	put_cell(out, bytes_str(text), width - 1);
	buf_putc(out, ' ');
}

static void put_and_clear(struct buf *out, struct buf *text, size_t width)
{
	put(out, buf_str(text), width);
	buf_clear(text);
}

static void put_id(struct buf *out, uint64_t id, size_t width)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	put(out, text, width);
}

/* The rest of a line: the first line of a text. */
static void put_rest(struct buf *out, const char *text, size_t width)
{
	size_t end;

	put_cell(out, bytes_of(text, strcspn(text, "\n")), width);
	for (end = out->n; end > 0 && out->p[end - 1] == ' ';)
		end--;
	buf_cut(out, end);
}

/* --- lines -------------------------------------------------------------- */

static void put_engine(const struct top *t, size_t i)
{
	const struct engine *e = t->engine[i];
	struct buf b = BUF_INIT;

	put_id(t->out, e->id, 8);
	put(t->out, e->state ? e->state : "", 10);
	buf_printf(&b, "%lld/%lld", (long long)(e->slots - e->free),
		   (long long)e->slots);
	put_and_clear(t->out, &b, 10);
	glance_put_rate(t->g, glance_ended_by(t->g, (int64_t)e->id), &b);
	put_and_clear(t->out, &b, 10);
	put_id(t->out, (uint64_t)e->completed, 10);
	put_rest(t->out, e->host ? e->host : "", TOP_COLUMNS - 48);
	buf_done(&b);
}

static void put_bar(const struct top *t, const struct result *r, size_t columns)
{
	struct bar bar = progress_bar(r, NULL, r->task ? &r->detail : NULL);
	struct buf b = BUF_INIT;

	bar.columns = columns;
	bar_line(&bar, &b);
	put_rest(t->out, buf_str(&b), columns);
	buf_done(&b);
}

static void put_running(const struct top *t, size_t i)
{
	const struct result *r = t->running[i];
	struct buf b = BUF_INIT;

	put_id(t->out, r->id, 8);
	glance_put_engines(&t->where[i], &b);
	put_and_clear(t->out, &b, 12);
	put(t->out, glance_name(r), 16);
	put_bar(t, r, TOP_COLUMNS - 36);
	buf_done(&b);
}

static void put_waiting(const struct top *t, size_t i)
{
	const struct result *r = t->waiting[i];
	struct buf b = BUF_INIT;

	put_id(t->out, r->id, 8);
	bar_time(result_age(r), &b);
	put_and_clear(t->out, &b, 12);
	put(t->out, glance_name(r), 16);
	put_rest(t->out, r->why ? r->why : "", TOP_COLUMNS - 36);
	buf_done(&b);
}

static void put_failed(const struct top *t, size_t i)
{
	const struct result *r = t->failed[i];
	char date[DATE_SIZE];

	put_id(t->out, r->id, 8);
	date_format(r->completed, date);
	date[strlen("2026-11-29T14:31")] = '\0';
	put(t->out, date + strlen("2026-"), 12);
	put(t->out, glance_name(r), 16);
	put_bar(t, r, TOP_COLUMNS - 36);
}

static void put_queue(const struct top *t, size_t i)
{
	const struct queue *q = &t->g->mirror->queues.of[i];

	put(t->out, q->name, 20);
	put(t->out, q->paused ? "paused" : "open", 10);
	put_id(t->out, (uint64_t)q->running, 8);
	put_id(t->out, (uint64_t)q->waiting, 8);
	if (q->limit)
		buf_printf(t->out, "%lld at a time", (long long)q->limit);
	else
		buf_puts(t->out, "none");
}

static void put_pool(const struct top *t, size_t i)
{
	const struct pool *p = t->pool[i];

	put(t->out, p->name, 20);
	put(t->out, p->state ? p->state : "", 10);
	put_id(t->out, pool_known_engines(t->g->mirror, &p->engines), 8);
	put_id(t->out, p->launches, 8);
	put_rest(t->out, p->why ? p->why : "", TOP_COLUMNS - 46);
}

static const struct section {
	const char *head;
	void (*put)(const struct top *t, size_t i);
} sections[SECTIONS] = {
	[ENGINES] = {"ENGINE  STATE     SLOTS     RATE      ENDED     HOST",
		     put_engine},
	[RUNNING] = {"RUNS    ENGINES     NAME            HOW FAR", put_running},
	[WAITING] = {"WAITS   FOR         NAME            WHAT IT WAITS FOR",
		     put_waiting},
	[FAILED] = {"FAILED  AT (UTC)    NAME            WHY", put_failed},
	[QUEUES] = {"QUEUE               STATE     RUN     WAIT    LIMIT", put_queue},
	[POOLS] = {"POOL                STATE     ENGINES JOBS    WHY", put_pool},
};

/* --- what is shown ------------------------------------------------------ */

static void find_engines(struct top *t)
{
	const struct engine *e;
	uint64_t from = 0;
	size_t n = 0;

	for (; n < TOP_LINES && (e = index_next(&t->g->mirror->engines, from));
	     from = e->id + 1)
		t->engine[n++] = e;
	t->list[ENGINES] = (struct list_of){.known = n, .all = t->g->engines};
}

static void find_pools(struct top *t)
{
	const struct pool *p;
	uint64_t from = 0;
	size_t n = 0;

	for (; n < TOP_LINES && (p = pool_next(t->g->mirror, from));
	     from = p->id + 1)
		t->pool[n++] = p;
	t->list[POOLS] = (struct list_of){
		.known = n,
		.all = index_count(&t->g->mirror->pools.by_id),
	};
}

static void find_queues(struct top *t)
{
	size_t n = t->g->mirror->queues.n;

	t->list[QUEUES] = (struct list_of){
		.known = min_u64(n, TOP_LINES),
		.all = n,
	};
}

/* Of what has failed the last few: nobody has counted all. */
static void find_results(struct top *t)
{
	const struct mirror *m = t->g->mirror;
	size_t running = index_count(&m->running);

	t->list[RUNNING].known = glance_running(t->g, t->running, TOP_LINES);
	t->list[RUNNING].all = running;
	t->list[WAITING].known = glance_waiting(t->g, t->waiting, TOP_LINES);
	t->list[WAITING].all = index_count(&m->unfinished) - running;
	t->list[FAILED].known = t->list[FAILED].all =
		glance_failed(t->g, t->failed, TOP_LINES);
	glance_where(t->g, t->running, t->list[RUNNING].known, t->where);
}

/* Its head, its lines, and one that says how many more there are. */
static size_t lines_of(const struct list_of *l)
{
	return l->all ? 1 + l->shown + (l->shown < l->all) : 0;
}

/* One more line for each list, as long as there is room. False: there is none. */
static bool share(struct top *t)
{
	bool any = false;
	int i;

	for (i = 0; i < SECTIONS; i++) {
		struct list_of *l = &t->list[i];
		size_t before = lines_of(l);

		if (l->shown == l->known)
			continue;
		l->shown++;
		if (t->lines + lines_of(l) - before > TOP_LINES) {
			l->shown--;
			continue;
		}
		t->lines += lines_of(l) - before;
		any = true;
	}
	return any;
}

/* --- all of it ---------------------------------------------------------- */

static void put_line(struct top *t, struct buf *text)
{
	put_rest(t->out, buf_str(text), TOP_COLUMNS);
	buf_putc(t->out, '\n');
	buf_clear(text);
	t->lines++;
}

static void put_head(struct top *t)
{
	const struct glance *g = t->g;
	const struct counts *c = &g->mirror->counts;
	const struct obj o = {.fs = g->fs};
	struct buf b = BUF_INIT;
	char date[DATE_SIZE];

	date_format(now_usec(), date);
	date[strlen("2026-11-29T14:31:02")] = '\0';
	buf_printf(&b, "%s %s: ", date + strlen("2026-11-29T"), g->fs->source);
	(void)controller_state(&o, &b);
	put_line(t, &b);
	buf_printf(&b, "%lld tasks run, %lld wait, %lld ended; in the last %s ",
		   (long long)c->running, (long long)c->waiting,
		   (long long)c->completed,
		   g->span == GLANCE_SPAN ? "minute" : "seconds");
	glance_put_rate(g, g->ended, &b);
	buf_printf(&b, ", %zu failed", g->failed);
	put_line(t, &b);
	buf_printf(&b, "%zu engines: %zu busy, %zu idle, %zu lost; %lld of %lld slots "
		   "are free", g->engines, g->busy, g->idle, g->lost,
		   (long long)g->free, (long long)g->slots);
	put_line(t, &b);
	buf_done(&b);
}

static void put_section(const struct top *t, int s)
{
	const struct list_of *l = &t->list[s];
	size_t i;

	if (!l->all)
		return;
	buf_printf(t->out, "%s\n", sections[s].head);
	for (i = 0; i < l->shown; i++) {
		sections[s].put(t, i);
		buf_putc(t->out, '\n');
	}
	if (s == FAILED && l->all == TOP_LINES)
		buf_puts(t->out, "and more\n");
	else if (l->shown < l->all)
		buf_printf(t->out, "and %zu more\n", l->all - l->shown);
}

void top_put(const struct glance *g, struct buf *out)
{
	struct top t = {.g = g, .out = out};
	size_t i;
	int s;

	put_head(&t);
	find_engines(&t);
	find_results(&t);
	find_queues(&t);
	find_pools(&t);
	for (s = 0; s < SECTIONS; s++)
		t.lines += lines_of(&t.list[s]);
	while (share(&t))
		;
	for (s = 0; s < SECTIONS; s++)
		put_section(&t, s);
	for (i = 0; i < TOP_LINES; i++)
		idlist_done(&t.where[i]);
}
