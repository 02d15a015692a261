#include "timeline.h"
#include "base/parse.h"
#include "dense.h"
#include "plan.h"

#include <math.h>

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

static void put_name(const struct drawing_plan *p)
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
		   "<style>text{font:12px sans-serif;fill:#444}"
		   ".t{font-size:16px}.r{text-anchor:end}"
		   ".m{text-anchor:middle}"
		   "path{fill:none;stroke-width:%zu}",
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

static void put_head(const struct drawing_plan *p)
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

static void put_axis(const struct drawing_plan *p)
{
	double span = seconds(p->span), step = tick_step(span);
	int digits = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
	size_t end = plan_y(p, p->rows);
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
		   "height=\"%zu\"><title>task %llu", name, LEFT + x,
		   plan_y(p, at->row) + 1, w, p->height - 2,
		   (unsigned long long)b->task);
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
	put_head(&p);
	if (!p.bars) {
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
