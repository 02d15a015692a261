#include "timeline.h"
#include "dense.h"
#include "markup.h"
#include "plan.h"

#include <math.h>

/* --- text --------------------------------------------------------------- */

static double seconds(int64_t usec)
{
	return (double)usec / 1e6;
}

static void put_name(const struct drawing_plan *p)
{
	const struct timeline *t = p->t;

	buf_printf(p->out, "result %llu", (unsigned long long)t->id);
	if (t->label.n) {
		buf_puts(p->out, " (");
		markup_put(p->out, t->label);
		buf_putc(p->out, ')');
	}
	if (t->task >= 0)
		buf_printf(p->out, ", task %lld", (long long)t->task);
	buf_printf(p->out, ": %s", state_name(t->status));
}

/* "3 tasks: 2 ok, 1 error; 2 engines, 87 % busy for 1.5 s" */
static void put_summary(const struct drawing_plan *p)
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
	share = p->busy * 100 / ((double)p->span * p->most);
	buf_printf(p->out, "; %zu engine%s, %.0f %% busy for %.3f s; began "
			   "%.3f s after it was submitted",
		   p->nengines, p->nengines == 1 ? "" : "s",
		   share < 100 ? share : 100, seconds(p->span),
		   seconds(p->begin > p->t->submitted
				   ? p->begin - p->t->submitted
				   : 0));
}

/* --- the frame ---------------------------------------------------------- */

static void put_look(struct buf *out, enum look l)
{
	const char *name = look_name(l), *colour = look_colour(l);

	buf_printf(out, "rect.%s{fill:%s}path.%s{stroke:%s}", name, colour,
		   name, colour);
}

static void put_style(const struct drawing_plan *p)
{
	int i, k;

	buf_printf(p->out,
		   "<style>%stext{font:12px sans-serif;fill:currentColor}"
		   ".t{font-size:16px}.r{text-anchor:end}"
		   ".m{text-anchor:middle}"
		   "path{fill:none;stroke-width:%zu}",
		   p->t->from ? "" : "svg{color:#444}",
		   p->height > 4 ? p->height - 2 : p->height - 1);
	for (i = LOOK_OK; i < LOOKS; i++)
		put_look(p->out, (enum look)i);
	for (k = 1; k < LEVELS; k++)
		buf_printf(p->out, ".l%d{stroke-opacity:%.2f}", k,
			   0.15 + 0.7 * k / LEVELS);
	buf_puts(p->out, "</style>\n");
}

static void put_legend(const struct drawing_plan *p)
{
	int i, x = LEFT;

	for (i = LOOK_OK; i < LOOKS; i++, x += 84) {
		const char *name = look_name((enum look)i);

		buf_printf(p->out,
			   "<rect class=\"%s\" x=\"%d\" y=\"56\" width=\"12\" "
			   "height=\"12\"/><text x=\"%d\" y=\"66\">%s</text>\n",
			   name, x, x + 17, name);
	}
	if (p->bars > MOST_BARS)
		buf_printf(p->out,
			   "<text x=\"%d\" y=\"66\">paler: less of the time "
			   "was work</text>\n", x);
}

static size_t height_of(const struct drawing_plan *p)
{
	return TOP + (p->rows ? p->rows * p->height : 40) + BOTTOM;
}

static void put_head(const struct drawing_plan *p)
{
	size_t h = height_of(p);

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
}

/* The page has said what it is: the picture begins with the legend. */
static void put_page_head(const struct drawing_plan *p)
{
	buf_printf(p->out,
		   "<svg width=\"%d\" height=\"%zu\" viewBox=\"0 %d %d %zu\" "
		   "role=\"img\">\n<title>what engines ran in the last %.0f "
		   "seconds</title>\n", WIDTH, height_of(p) - LEGEND, LEGEND, WIDTH,
		   height_of(p) - LEGEND, seconds(p->span));
	put_style(p);
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

/* Of a page time is counted back from now, and minutes when there are some. */
struct axis {
	double span, step;	/* in its unit */
	const char *title;
	bool back;
};

static struct axis axis_of(const struct drawing_plan *p)
{
	bool back = p->t->from, minutes = back && seconds(p->span) > 120;
	struct axis a = {
		.span = seconds(p->span) / (minutes ? 60 : 1),
		.title = minutes ? "minutes ago"
			 : back	 ? "seconds ago"
				 : "seconds since the first task began",
		.back = back,
	};

	a.step = tick_step(a.span);
	return a;
}

static double tick_x(const struct axis *a, int i)
{
	double at = i * a->step / a->span * PLOT;

	return LEFT + (a->back ? PLOT - at : at);
}

static void put_axis(const struct drawing_plan *p)
{
	struct axis a = axis_of(p);
	int digits = a.step < 1 ? (int)ceil(-log10(a.step) - 1e-9) : 0;
	size_t end = plan_y(p, p->rows);
	int i;

	buf_puts(p->out, "<g stroke=\"currentColor\" stroke-opacity=\".15\">\n");
	for (i = 0; i * a.step <= a.span * (1 + 1e-9); i++)
		buf_printf(p->out,
			   "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" "
			   "y2=\"%zu\"/>\n",
			   tick_x(&a, i), TOP - 4, tick_x(&a, i), end + 4);
	buf_puts(p->out, "</g>\n");
	for (i = 0; i * a.step <= a.span * (1 + 1e-9); i++)
		buf_printf(p->out,
			   "<text class=\"m\" x=\"%.1f\" y=\"%zu\">%.*f"
			   "</text>\n",
			   tick_x(&a, i), end + 18, digits, i * a.step);
	buf_printf(p->out,
		   "<text class=\"m\" x=\"%d\" y=\"%zu\">%s</text>\n",
		   LEFT + PLOT / 2, end + 36, a.title);
}

/* Beside a row, the engine or the engines from `first` to `last`. */
static void put_engine(const struct drawing_plan *p, size_t row, size_t first,
		       size_t last)
{
	buf_printf(p->out, "<text class=\"r\" x=\"%d\" y=\"%zu\">%lld", LEFT - 8,
		   plan_y(p, row) + p->height / 2 + 4,
		   (long long)p->engine[first]);
	if (last > first)
		buf_printf(p->out, "-%lld", (long long)p->engine[last]);
	buf_puts(p->out, "</text>\n");
}

static void put_engines(const struct drawing_plan *p)
{
	/* Labels need 14 pixels. */
	size_t each = (14 + p->height - 1) / p->height, i, next = 0;

	buf_printf(p->out, "<text class=\"r\" x=\"%d\" y=\"%d\">engine</text>\n",
		   LEFT - 8, TOP - 18);
	if (!p->first) {
		for (i = 0; i < p->rows; i += each)
			put_engine(p, i, i * p->per_row,
				   min_u64((i + 1) * p->per_row, p->nengines) - 1);
		return;
	}
	for (i = 0; i < p->nengines; i++) {
		if (p->first[i] < next)
			continue;
		put_engine(p, p->first[i], i, i);
		next = p->first[i] + each;
	}
}

/* --- few bars: one by one ----------------------------------------------- */

static void put_bar(const struct drawing_plan *p, const struct placed *at)
{
	const struct timeline_bar *b = &at->bar;
	double x = plan_x(p, b->start), w = plan_x(p, b->end) - x;
	const char *name = look_name(look_of(b->state));
	double least = b->state == STATE_ERROR ? SEEN : 1;

	if (w < least)
		w = least;
	if (x + w > PLOT)
		x = PLOT - w;
	buf_printf(p->out,
		   "<rect class=\"%s\" x=\"%.1f\" y=\"%zu\" width=\"%.1f\" "
		   "height=\"%zu\"><title>", name, LEFT + x,
		   plan_y(p, at->row) + 1, w, p->height - 2);
	if (b->result)
		buf_printf(p->out, "result %llu, ", (unsigned long long)b->result);
	buf_printf(p->out, "task %llu", (unsigned long long)b->task);
	if (b->attempt > 1)
		buf_printf(p->out, ", try %u", b->attempt);
	buf_printf(p->out, ": %s, engine %lld, %.6f s</title></rect>\n", name,
		   (long long)b->engine, seconds(b->end - b->start));
}

static void put_bars(const struct drawing_plan *p)
{
	size_t i;
	int look;

	for (look = LOOK_OK; look < LOOKS; look++)
		for (i = 0; i < p->bars; i++)
			if (look_of(p->placed[i].bar.state) == (enum look)look)
				put_bar(p, &p->placed[i]);
}

/* --- all of it ---------------------------------------------------------- */

void timeline_put(const struct timeline *t, struct buf *out)
{
	struct drawing_plan p;
	struct dense dense = {0};

	plan_init(&p, t, out);
	if (p.bars > MOST_BARS)
		dense_init(&dense, &p);
	if (t->from)
		put_page_head(&p);
	else
		put_head(&p);
	put_legend(&p);
	if (!p.rows) {
		buf_printf(out, "<text x=\"%d\" y=\"%d\">no task has begun"
				"</text>\n", LEFT, TOP + 24);
	} else {
		put_axis(&p);
		put_engines(&p);
		if (p.bars > MOST_BARS)
			dense_put(&dense);
		else
			put_bars(&p);
	}
	buf_puts(out, "</svg>\n");
	dense_done(&dense);
	plan_done(&p);
}
