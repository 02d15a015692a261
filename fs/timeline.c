#include "base/base.h"
#include "timeline.h"

#include "base/map.h"
#include "base/parse.h"

#include <math.h>

/* Pixels. */
#define WIDTH 1200
#define LEFT 84			/* of the plot */
#define PLOT 1096		/* its width */
#define TOP 84			/* above it: title, legend */
#define BOTTOM 44		/* below it: the axis */

#define MOST_ROWS 1000		/* more engines share rows */
#define MOST_BARS 1000		/* drawn one by one; else as cells */
#define MOST_CELLS 70000	/* of 8 bytes or so */
#define LEVELS 4		/* how pale a cell can be */
#define SEEN 3			/* a failure is at least so wide */
#define TICKS 10

/* What a bar looks like; later ones are drawn over earlier ones. */
enum look { LOOK_NONE, LOOK_OK, LOOK_RUNNING, LOOK_ABORTED, LOOK_ERROR, LOOKS };

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

static enum look look_of(enum state s)
{
	int i;

	for (i = LOOK_OK; i < LOOKS; i++)
		if (looks[i].state == s)
			return (enum look)i;
	return LOOK_NONE;
}

/* What is known after going through all bars once. */
struct plan {
	const struct timeline *t;
	struct buf *out;
	int64_t *engine;	/* ids, ascending */
	size_t nengines;
	struct map row_of;	/* engine id -> its place in engine[] + 1 */
	size_t per_row, rows, height; /* engines; rows; pixels of one */
	uint64_t bars;		/* that began */
	int64_t begin, span;	/* usec */
	double busy;		/* usec, of all engines */
};

/* --- going through the bars --------------------------------------------- */

/* False: it has not begun. What runs ends now, and nothing before it began. */
static bool get_bar(const struct timeline *t, uint64_t i,
		    struct timeline_bar *ret)
{
	t->bar(t->arg, i, ret);
	if (ret->start <= 0 || ret->engine < 0 ||
	    look_of(ret->state) == LOOK_NONE)
		return false;
	if (!ret->end)
		ret->end = t->now;
	if (ret->end < ret->start)
		ret->end = ret->start;
	return true;
}

static void add_engine(struct plan *p, int64_t id)
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

static void look_through(struct plan *p)
{
	struct timeline_bar bar;
	int64_t end = 0, last = -1;
	uint64_t i;

	for (i = 0; i < p->t->n; i++) {
		if (!get_bar(p->t, i, &bar))
			continue;
		if (!p->bars++ || bar.start < p->begin)
			p->begin = bar.start;
		end = bar.end > end ? bar.end : end;
		p->busy += (double)(bar.end - bar.start);
		if (bar.engine != last)
			add_engine(p, bar.engine);
		last = bar.engine;
	}
	p->span = end - p->begin > 0 ? end - p->begin : 1;
}

static void place_rows(struct plan *p)
{
	size_t i;

	if (p->nengines)
		qsort(p->engine, p->nengines, sizeof(*p->engine), by_id);
	for (i = 0; i < p->nengines; i++)
		map_put_u64(&p->row_of, (uint64_t)p->engine[i],
			    (void *)(uintptr_t)(i + 1));
	p->per_row = (p->nengines + MOST_ROWS - 1) / MOST_ROWS;
	if (!p->per_row)
		p->per_row = 1;
	p->rows = (p->nengines + p->per_row - 1) / p->per_row;
	p->height = p->rows <= 32 ? 20 : p->rows <= 100 ? 10 : 4;
}

static size_t row_of(const struct plan *p, int64_t engine)
{
	uintptr_t at = (uintptr_t)map_get_u64(&p->row_of, (uint64_t)engine);

	return (at - 1) / p->per_row;
}

/* Where a time is, in pixels of the plot. */
static double x_of(const struct plan *p, int64_t when)
{
	return (double)(when - p->begin) * PLOT / (double)p->span;
}

static size_t y_of(const struct plan *p, size_t row)
{
	return TOP + row * p->height;
}

/* --- text --------------------------------------------------------------- */

/* A character that XML allows in a document. */
static bool is_xml(const unsigned char *p, size_t n)
{
	if (n == 1)
		return *p >= ' ' && *p != 0x7f;
	/* U+FFFE and U+FFFF are none. */
	return n > 0 && !(n == 3 && p[0] == 0xef && p[1] == 0xbf &&
			  p[2] >= 0xbe);
}

static void put_text(struct buf *out, struct bytes text)
{
	static const struct {
		char c;
		const char *name;
	} names[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}};
	const unsigned char *p = text.p;
	size_t i = 0, k, n;

	for (; i < text.n; i += n) {
		n = utf8_char(p + i, text.n - i);
		for (k = 0; k < ARRAY_SIZE(names); k++)
			if (p[i] == (unsigned char)names[k].c)
				break;
		if (k < ARRAY_SIZE(names))
			buf_puts(out, names[k].name);
		else if (is_xml(p + i, n))
			buf_put(out, p + i, n);
		else
			buf_puts(out, "\xef\xbf\xbd");
		n = n ? n : 1;
	}
}

static double seconds(int64_t usec)
{
	return (double)usec / 1e6;
}

static void put_name(const struct plan *p)
{
	const struct timeline *t = p->t;

	buf_printf(p->out, "result %llu", (unsigned long long)t->id);
	if (t->label.n) {
		buf_puts(p->out, " (");
		put_text(p->out, t->label);
		buf_putc(p->out, ')');
	}
	if (t->task >= 0)
		buf_printf(p->out, ", task %lld", (long long)t->task);
	buf_printf(p->out, ": %s", state_name(t->status));
}

/* "3 tasks: 2 ok, 1 error; 2 engines, 87 % busy for 1.5 s" */
static void put_summary(const struct plan *p)
{
	const uint64_t *n = p->t->count;
	uint64_t all = 0;
	const char *sep = ": ";
	double share;
	int s;

	for (s = STATE_PENDING; s < STATES; s++)
		all += n[s];
	buf_printf(p->out, "%llu task%s", (unsigned long long)all,
		   all == 1 ? "" : "s");
	for (s = STATE_PENDING; s < STATES; s++) {
		if (!n[s])
			continue;
		buf_printf(p->out, "%s%llu %s", sep, (unsigned long long)n[s],
			   state_name((enum state)s));
		sep = ", ";
	}
	if (!p->bars)
		return;
	share = p->busy * 100 / ((double)p->span * (double)p->nengines);
	buf_printf(p->out, "; %zu engine%s, %.0f %% busy for %.3f s; began "
			   "%.3f s after it was submitted",
		   p->nengines, p->nengines == 1 ? "" : "s",
		   share < 100 ? share : 100, seconds(p->span),
		   seconds(p->begin > p->t->submitted
				   ? p->begin - p->t->submitted
				   : 0));
}

/* --- the frame ---------------------------------------------------------- */

static void put_style(const struct plan *p)
{
	int i, k;

	buf_printf(p->out,
		   "<style>text{font:12px sans-serif;fill:#444}"
		   ".t{font-size:16px}.r{text-anchor:end}"
		   ".m{text-anchor:middle}"
		   "path{fill:none;stroke-width:%zu}",
		   p->height > 4 ? p->height - 2 : p->height - 1);
	for (i = LOOK_OK; i < LOOKS; i++)
		buf_printf(p->out, "rect.%s{fill:%s}path.%s{stroke:%s}",
			   looks[i].name, looks[i].colour, looks[i].name,
			   looks[i].colour);
	for (k = 1; k < LEVELS; k++)
		buf_printf(p->out, ".l%d{stroke-opacity:%.2f}", k,
			   0.15 + 0.7 * k / LEVELS);
	buf_puts(p->out, "</style>\n");
}

static void put_legend(const struct plan *p)
{
	int i, x = LEFT;

	for (i = LOOK_OK; i < LOOKS; i++, x += 84)
		buf_printf(p->out,
			   "<rect class=\"%s\" x=\"%d\" y=\"56\" width=\"12\" "
			   "height=\"12\"/><text x=\"%d\" y=\"66\">%s</text>\n",
			   looks[i].name, x, x + 17, looks[i].name);
	if (p->bars > MOST_BARS)
		buf_printf(p->out,
			   "<text x=\"%d\" y=\"66\">paler: less of the time "
			   "was work</text>\n", x);
}

static void put_head(const struct plan *p)
{
	size_t h = TOP + (p->rows ? p->rows * p->height : 40) + BOTTOM;

	buf_printf(p->out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		   "height=\"%zu\" viewBox=\"0 0 %d %zu\" role=\"img\">\n"
		   "<title>", WIDTH, h, WIDTH, h);
	put_name(p);
	buf_puts(p->out, "</title>\n");
	put_style(p);
	buf_printf(p->out,
		   "<rect width=\"%d\" height=\"%zu\" fill=\"#fff\"/>\n"
		   "<text class=\"t\" x=\"%d\" y=\"22\">", WIDTH, h, LEFT);
	put_name(p);
	buf_printf(p->out, "</text>\n<text x=\"%d\" y=\"42\">", LEFT);
	put_summary(p);
	buf_puts(p->out, "</text>\n");
	put_legend(p);
}

/* A step of 1, 2 or 5 times a power of ten: TICKS of them at most. */
static double tick_step(double span)
{
	double step = pow(10, floor(log10(span / TICKS)));

	if (span / step > TICKS * 5)
		return step * 10;
	if (span / step > TICKS * 2)
		return step * 5;
	return span / step > TICKS ? step * 2 : step;
}

static void put_axis(const struct plan *p)
{
	double span = seconds(p->span), step = tick_step(span);
	int digits = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
	size_t end = y_of(p, p->rows);
	int i;

	buf_puts(p->out, "<g stroke=\"#ddd\">\n");
	for (i = 0; i * step <= span * (1 + 1e-9); i++)
		buf_printf(p->out,
			   "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" "
			   "y2=\"%zu\"/>\n",
			   LEFT + i * step / span * PLOT, TOP - 4,
			   LEFT + i * step / span * PLOT, end + 4);
	buf_puts(p->out, "</g>\n");
	for (i = 0; i * step <= span * (1 + 1e-9); i++)
		buf_printf(p->out,
			   "<text class=\"m\" x=\"%.1f\" y=\"%zu\">%.*f"
			   "</text>\n",
			   LEFT + i * step / span * PLOT, end + 18, digits,
			   i * step);
	buf_printf(p->out,
		   "<text class=\"m\" x=\"%d\" y=\"%zu\">seconds since the "
		   "first task began</text>\n", LEFT + PLOT / 2, end + 36);
}

static void put_engines(const struct plan *p)
{
	/* Labels need 14 pixels. */
	size_t each = (14 + p->height - 1) / p->height, i;

	buf_printf(p->out, "<text class=\"r\" x=\"%d\" y=\"%d\">engine</text>\n",
		   LEFT - 8, TOP - 18);
	for (i = 0; i < p->rows; i += each) {
		size_t first = i * p->per_row, last = first + p->per_row - 1;

		buf_printf(p->out, "<text class=\"r\" x=\"%d\" y=\"%zu\">%lld",
			   LEFT - 8, y_of(p, i) + p->height / 2 + 4,
			   (long long)p->engine[first]);
		if (p->per_row > 1 && last < p->nengines)
			buf_printf(p->out, "-%lld",
				   (long long)p->engine[last]);
		buf_puts(p->out, "</text>\n");
	}
}

/* --- few bars: one by one ----------------------------------------------- */

static void put_bar(const struct plan *p, const struct timeline_bar *b)
{
	double x = x_of(p, b->start), w = x_of(p, b->end) - x;
	const char *name = looks[look_of(b->state)].name;
	double least = b->state == STATE_ERROR ? SEEN : 1;

	if (w < least)
		w = least;
	if (x + w > PLOT)
		x = PLOT - w;
	buf_printf(p->out,
		   "<rect class=\"%s\" x=\"%.1f\" y=\"%zu\" width=\"%.1f\" "
		   "height=\"%zu\"><title>task %llu", name, LEFT + x,
		   y_of(p, row_of(p, b->engine)) + 1, w, p->height - 2,
		   (unsigned long long)b->task);
	if (b->attempt > 1)
		buf_printf(p->out, ", try %u", b->attempt);
	buf_printf(p->out, ": %s, engine %lld, %.6f s</title></rect>\n", name,
		   (long long)b->engine, seconds(b->end - b->start));
}

static void put_bars(const struct plan *p)
{
	struct timeline_bar b;
	uint64_t i;
	int look;

	for (look = LOOK_OK; look < LOOKS; look++)
		for (i = 0; i < p->t->n; i++)
			if (get_bar(p->t, i, &b) &&
			    look_of(b.state) == (enum look)look)
				put_bar(p, &b);
}

/* --- many: cells -------------------------------------------------------- */

struct cell {
	float busy;	/* share of its time */
	uint8_t look;
};

struct cells {
	const struct plan *plan;
	struct cell *cell;	/* row by row */
	size_t width, columns;	/* pixels of one; in a row */
};

static void set_look(struct cell *cell, enum look look)
{
	if (look > cell->look)
		cell->look = (uint8_t)look;
}

/* Cells i - 1 to i + 1 of a row. */
static void mark(const struct cells *c, struct cell *row, size_t i)
{
	size_t k = i > 0 ? i - 1 : 0;

	for (; k < c->columns && k <= i + 1 && c->width < SEEN; k++)
		set_look(&row[k], LOOK_ERROR);
}

static void add_bar(struct cells *c, const struct timeline_bar *b)
{
	double from = x_of(c->plan, b->start) / (double)c->width;
	double to = x_of(c->plan, b->end) / (double)c->width;
	struct cell *row = c->cell +
			   row_of(c->plan, b->engine) * c->columns;
	enum look look = look_of(b->state);
	size_t i = (size_t)min_u64((uint64_t)from, c->columns - 1);

	for (; i < c->columns && ((double)i < to || (double)i <= from); i++) {
		double left = (double)i > from ? (double)i : from;
		double right = (double)i + 1 < to ? (double)i + 1 : to;

		row[i].busy += (float)(right - left);
		set_look(&row[i], look);
		if (look == LOOK_ERROR)
			mark(c, row, i);
	}
}

/* What failed shows, however short it was. */
static int level_of(const struct cells *c, const struct cell *cell)
{
	double share = cell->busy / (double)c->plan->per_row;

	if (cell->look >= LOOK_ABORTED || share >= 1)
		return LEVELS;
	return share * LEVELS < 1 ? 1 : (int)ceil(share * LEVELS - 1e-6);
}

/* The cells of a row that look so, those side by side as one stroke. */
static void put_strokes(const struct cells *c, size_t r, enum look look,
			int level)
{
	const struct cell *row = c->cell + r * c->columns;
	struct buf *out = c->plan->out;
	size_t i, run, at = 0;

	for (i = 0; i < c->columns; i += run ? run : 1) {
		run = 0;
		while (i + run < c->columns && row[i + run].look == look &&
		       level_of(c, &row[i + run]) == level)
			run++;
		if (!run)
			continue;
		if (!at)
			buf_printf(out, "<path class=\"%s l%d\" d=\"M%zu %zu",
				   looks[look].name, level,
				   LEFT + i * c->width,
				   y_of(c->plan, r) + c->plan->height / 2);
		else
			buf_printf(out, "m%zu 0", (i - at) * c->width);
		at = i + run;
		buf_printf(out, "h%zu", min_u64(run * c->width,
						PLOT - i * c->width));
	}
	if (at)
		buf_puts(out, "\"/>\n");
}

static void put_cells(const struct plan *p)
{
	struct cells c = {.plan = p};
	struct timeline_bar b;
	uint64_t i;
	size_t r;
	int look, level;

	c.width = 1 + p->rows * PLOT / MOST_CELLS;
	c.columns = (PLOT + c.width - 1) / c.width;
	c.cell = zalloc(p->rows * c.columns * sizeof(*c.cell));
	for (i = 0; i < p->t->n; i++)
		if (get_bar(p->t, i, &b))
			add_bar(&c, &b);
	for (r = 0; r < p->rows; r++)
		for (look = LOOK_OK; look < LOOKS; look++)
			for (level = 1; level <= LEVELS; level++)
				put_strokes(&c, r, (enum look)look, level);
	free(c.cell);
}

/* --- all of it ---------------------------------------------------------- */

void timeline_put(const struct timeline *t, struct buf *out)
{
	struct plan p = {.t = t, .out = out};

	look_through(&p);
	place_rows(&p);
	put_head(&p);
	if (!p.bars) {
		buf_printf(out, "<text x=\"%d\" y=\"%d\">no task has begun"
				"</text>\n", LEFT, TOP + 24);
	} else {
		put_axis(&p);
		put_engines(&p);
		if (p.bars > MOST_BARS)
			put_cells(&p);
		else
			put_bars(&p);
	}
	buf_puts(out, "</svg>\n");
	free(p.engine);
	map_done(&p.row_of);
}
