#include "plan.h"

static const struct {
	const char *name;	/* the class, too */
	const char *colour;	/* that the colour-blind can tell apart */
	enum state state;
} looks[LOOKS] = {
	[LOOK_OK] = {"ok", "#0072b2", STATE_OK},
	[LOOK_RUNNING] = {"running", "#009e73", STATE_RUNNING},
	[LOOK_ABORTED] = {"aborted", "#999999", STATE_ABORTED},
	[LOOK_ERROR] = {"error", "#d55e00", STATE_ERROR},
};

const char *look_name(enum look l)
{
	return looks[l].name;
}

const char *look_colour(enum look l)
{
	return looks[l].colour;
}

enum look look_of(enum state s)
{
	int i;

	for (i = LOOK_OK; i < LOOKS; i++)
		if (looks[i].state == s)
			return (enum look)i;
	return LOOK_NONE;
}

/* --- going through the bars --------------------------------------------- */

/* A bar that runs ends now, and no bar ends before it begins. What was over before the
   picture begins is not drawn. */
bool plan_bar(const struct drawing_plan *p, uint64_t i, struct timeline_bar *ret)
{
	const struct timeline *t = p->t;

	t->bar(t->arg, i, ret);
	if (ret->start <= 0 || ret->engine < 0 ||
	    look_of(ret->state) == LOOK_NONE)
		return false;
	if (!ret->end)
		ret->end = t->now;
	ret->start = max_i64(ret->start, t->from);
	if (ret->end < ret->start && t->from)
		return false;
	ret->end = max_i64(ret->end, ret->start);
	return true;
}

static void add_engine(struct drawing_plan *p, int64_t id)
{
	static char here; /* that it is known; its place comes later */

	if (map_get_u64(&p->row_of, (uint64_t)id))
		return;
	map_put_u64(&p->row_of, (uint64_t)id, &here);
	if ((p->nengines & (p->nengines - 1)) == 0)
		p->engine = xreallocarray(p->engine,
					  p->nengines ? p->nengines * 2 : 1,
					  sizeof(*p->engine));
	p->engine[p->nengines++] = id;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void look_through(struct drawing_plan *p)
{
	struct timeline_bar bar;
	int64_t end = 0, last = -1;
	uint64_t i;

	for (i = 0; i < p->t->nengines; i++)
		add_engine(p, p->t->engine[i]);
	for (i = 0; i < p->t->n; i++) {
		if (!plan_bar(p, i, &bar))
			continue;
		if (!p->bars++ || bar.start < p->begin)
			p->begin = bar.start;
		end = bar.end > end ? bar.end : end;
		p->busy += (double)(bar.end - bar.start);
		if (bar.engine != last)
			add_engine(p, bar.engine);
		last = bar.engine;
	}
	if (p->t->from) {
		p->begin = p->t->from;
		end = p->t->now;
	}
	p->span = end - p->begin > 0 ? end - p->begin : 1;
}

static size_t place_of(const struct drawing_plan *p, int64_t engine)
{
	return (uintptr_t)map_get_u64(&p->row_of, (uint64_t)engine) - 1;
}

static void place_engines(struct drawing_plan *p)
{
	size_t i;

	if (p->nengines)
		qsort(p->engine, p->nengines, sizeof(*p->engine), by_id);
	for (i = 0; i < p->nengines; i++)
		map_put_u64(&p->row_of, (uint64_t)p->engine[i],
			    (void *)(uintptr_t)(i + 1));
}

/* Many bars: a row is that of one engine, or of some. */
static void share_rows(struct drawing_plan *p)
{
	p->per_row = (p->nengines + MOST_ROWS - 1) / MOST_ROWS;
	if (!p->per_row)
		p->per_row = 1;
	p->rows = (p->nengines + p->per_row - 1) / p->per_row;
}

size_t plan_row(const struct drawing_plan *p, int64_t engine)
{
	return place_of(p, engine) / p->per_row;
}

/* --- few bars: rows for those of one engine at a time --------------------- */

static int by_engine_and_start(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->engine != y->engine)
		return x->engine < y->engine ? -1 : 1;
	if (x->bar.start != y->bar.start)
		return x->bar.start < y->bar.start ? -1 : 1;
	return x->bar.task < y->bar.task ? -1 : x->bar.task > y->bar.task;
}

static void collect(struct drawing_plan *p)
{
	struct timeline_bar bar;
	uint64_t i;
	size_t n = 0;

	p->placed = xreallocarray(NULL, p->bars, sizeof(*p->placed));
	for (i = 0; i < p->t->n; i++)
		if (plan_bar(p, i, &bar))
			p->placed[n++] = (struct placed){
				.bar = bar,
				.engine = place_of(p, bar.engine),
			};
	if (n)
		qsort(p->placed, n, sizeof(*p->placed), by_engine_and_start);
}

/*
 * The first of the engine's `n` rows where the bar does not lie on another, or a
 * new one. Times of two bars are not more exact than a pixel. end: of each row.
 */
static size_t free_row(const struct drawing_plan *p, const int64_t *end,
		       size_t n, int64_t start)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (end[i] <= start + p->span / PLOT)
			break;
	return i;
}

/* The bars of an engine from the i-th on; where those of the next one begin. `end`: room
   for as many as there are. */
static size_t place_engine(struct drawing_plan *p, size_t engine, size_t i,
			   int64_t *end)
{
	size_t n = 0, k;

	p->first[engine] = p->rows;
	for (; i < p->bars && p->placed[i].engine == engine; i++) {
		struct placed *b = &p->placed[i];

		k = free_row(p, end, n, b->bar.start);
		end[k] = b->bar.end;
		b->row = p->first[engine] + k;
		n += k == n;
	}
	p->rows += n ? n : 1;
	return i;
}

static void place_bars(struct drawing_plan *p)
{
	int64_t *end = xreallocarray(NULL, p->bars, sizeof(*end));
	size_t engine, i = 0;

	collect(p);
	p->first = zalloc((p->nengines + 1) * sizeof(*p->first));
	for (engine = 0; engine < p->nengines; engine++)
		i = place_engine(p, engine, i, end);
	p->most = (double)p->rows;
	free(end);
}

/* Where a time is, in pixels of the plot. */
double plan_x(const struct drawing_plan *p, int64_t when)
{
	return (double)(when - p->begin) * PLOT / (double)p->span;
}

size_t plan_y(const struct drawing_plan *p, size_t row)
{
	return TOP + row * p->height;
}

void plan_init(struct drawing_plan *p, const struct timeline *t,
	       struct buf *out)
{
	*p = (struct drawing_plan){.t = t, .out = out};
	look_through(p);
	place_engines(p);
	if (p->bars > MOST_BARS)
		share_rows(p);
	else if (p->nengines)
		place_bars(p);
	p->height = p->rows <= 32 ? 20 : p->rows <= 100 ? 10 : 4;
}

void plan_done(struct drawing_plan *p)
{
	free(p->engine);
	free(p->placed);
	free(p->first);
	map_done(&p->row_of);
}
