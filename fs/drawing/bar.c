#include "bar.h"

#define SEC 1000000LL
#define BAR_LEAST 8	/* columns between [ and ] */
#define BAR_MOST 24

static uint64_t ended(const struct bar *b)
{
	return b->count[STATE_OK] + b->count[STATE_ERROR] +
	       b->count[STATE_ABORTED];
}

/* usec since the result began. */
static int64_t spent(const struct bar *b)
{
	return b->age > b->began ? b->age - b->began : 0;
}

size_t bar_columns(struct bytes text)
{
	const char *p = text.p;
	size_t i, n = 0;

	for (i = 0; i < text.n; i++)
		n += (p[i] & 0xc0) != 0x80;
	return n;
}

/* A text that does not fit ends in dots. */
static void cut(struct buf *out, size_t start, size_t columns)
{
	size_t i, n = 0;

	if (bar_columns(bytes_of(out->p + start, out->n - start)) <= columns)
		return;
	for (i = start; n < columns - 3 || (out->p[i] & 0xc0) == 0x80; i++)
		n += (out->p[i] & 0xc0) != 0x80;
	buf_cut(out, i);
	buf_puts(out, "...");
}

static size_t columns_of(const struct bar *b)
{
	return b->columns ? b->columns : BAR_COLUMNS;
}

/* Whole seconds while it goes on, tenths at the end: "5 s", "1:05", "3:00:05". */
static void put_time(struct buf *out, int64_t usec, bool tenths)
{
	long long s = usec / SEC;

	if (s < 60 && tenths)
		buf_printf(out, "%lld.%lld s", s, usec % SEC * 10 / SEC);
	else if (s < 60)
		buf_printf(out, "%lld s", s);
	else if (s < 3600)
		buf_printf(out, "%lld:%02lld", s / 60, s % 60);
	else
		buf_printf(out, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60,
			   s % 60);
}

void bar_time(int64_t usec, struct buf *out)
{
	put_time(out, usec, false);
}

static void put_rate(struct buf *out, double per_second)
{
	static const struct {
		double least, times;
		const char *unit;
	} units[] = {
		{1, 1, "s"}, {1.0 / 60, 60, "min"}, {0, 3600, "h"},
	};
	size_t i = 0;

	while (per_second < units[i].least)
		i++;
	per_second *= units[i].times;
	buf_printf(out, ", %.*f/%s", per_second < 100, per_second,
		   units[i].unit);
}

static void put_failed(struct buf *out, const struct bar *b)
{
	if (b->count[STATE_ERROR])
		buf_printf(out, ", %llu failed",
			   (unsigned long long)b->count[STATE_ERROR]);
	if (b->count[STATE_ABORTED])
		buf_printf(out, ", %llu aborted",
			   (unsigned long long)b->count[STATE_ABORTED]);
}

/* "running for 12 s" */
static void put_state(struct buf *out, const struct bar *b)
{
	bool runs = b->status == STATE_RUNNING && b->begun;

	buf_printf(out, "%s for ", state_name(b->status));
	put_time(out, runs ? spent(b) : b->age, false);
	if (b->status == STATE_PENDING && b->why && *b->why) {
		buf_puts(out, " (");
		buf_put_escaped(out, bytes_str(b->why), BAR_COLUMNS);
		buf_putc(out, ')');
	}
}

/* "3 s, 5 s left" and how fast, once that can be said. */
static void put_pace(struct buf *out, const struct bar *b)
{
	uint64_t n = ended(b), all = (uint64_t)b->tasks;
	int64_t usec = spent(b);
	double rate = (double)n * (double)SEC / (double)(usec ? usec : 1);
	double left;

	if (b->status == STATE_PENDING || !b->begun || !n) {
		buf_puts(out, ", ");
		put_state(out, b);
		return;
	}
	put_rate(out, rate);
	buf_puts(out, ", ");
	put_time(out, usec, false);
	buf_puts(out, ", ");
	left = (double)(all - n) / rate * (double)SEC;
	put_time(out, left < 1e18 ? (int64_t)left : 0, false);
	buf_puts(out, " left");
}

/* The numbers first; the bar takes the columns they leave. */
static void put_bar(struct buf *out, const struct bar *b)
{
	struct buf text = BUF_INIT;
	uint64_t all = (uint64_t)b->tasks, n = min_u64(ended(b), all);
	size_t width, i;

	buf_printf(&text, " %3d%% %llu/%llu", (int)(n * 100 / all),
		   (unsigned long long)n, (unsigned long long)all);
	put_failed(&text, b);
	put_pace(&text, b);
	cut(&text, 0, columns_of(b) - BAR_LEAST - 2);
	width = columns_of(b) - 2 - bar_columns(buf_bytes(&text));
	width = min_u64(width, BAR_MOST);
	buf_putc(out, '[');
	for (i = 0; i < width; i++)
		buf_putc(out, i < n * width / all ? '#' : '.');
	buf_putc(out, ']');
	buf_put(out, text.p, text.n);
	buf_done(&text);
}

/* "error: NAME: text", its first line. */
static void put_error(struct buf *out, const struct bar *b)
{
	buf_puts(out, state_name(b->status));
	if (!b->ename)
		return;
	buf_printf(out, ": %s", b->ename);
	if (!b->evalue || !*b->evalue)
		return;
	buf_puts(out, ": ");
	buf_put_escaped(out, bytes_of(b->evalue, strcspn(b->evalue, "\n")),
			BAR_COLUMNS);
}

static void put_end(struct buf *out, const struct bar *b)
{
	struct buf time = BUF_INIT;
	size_t start = out->n;

	put_time(&time, b->age, true);
	if (b->tasks > 1) {
		buf_printf(out, "%llu/%lld ok",
			   (unsigned long long)b->count[STATE_OK],
			   (long long)b->tasks);
		put_failed(out, b);
	} else {
		put_error(out, b);
	}
	if (b->status == STATE_OK || b->tasks > 1) {
		buf_printf(out, " in %s", buf_str(&time));
	} else {
		cut(out, start, columns_of(b) - 3 - time.n);
		buf_printf(out, " (%s)", buf_str(&time));
	}
	buf_done(&time);
}

void bar_line(const struct bar *b, struct buf *out)
{
	size_t start = out->n;

	if (state_is_final(b->status))
		put_end(out, b);
	else if (b->tasks > 1)
		put_bar(out, b);
	else
		put_state(out, b);
	cut(out, start, columns_of(b));
}
