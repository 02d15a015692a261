#include "dense.h"

#include <math.h>

struct cell {
	float busy;	/* share of its time */
	uint8_t look;
};

static void set_look(struct cell *cell, enum look look)
{
	if (look > cell->look)
		cell->look = (uint8_t)look;
}

/* A failure is seen: cells i - 1 to i + 1 of a row show it. */
static void mark(const struct dense *c, struct cell *row, size_t i)
{
	size_t k = i > 0 ? i - 1 : 0;

	for (; k < c->columns && k <= i + 1 && c->width < SEEN; k++)
		set_look(&row[k], LOOK_ERROR);
}

static void add_bar(struct dense *c, const struct timeline_bar *b)
{
	double from = plan_x(c->plan, b->start) / (double)c->width;
	double to = plan_x(c->plan, b->end) / (double)c->width;
	struct cell *row = c->cell +
			   plan_row(c->plan, b->engine) * c->columns;
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
static int level_of(const struct dense *c, size_t r, const struct cell *cell)
{
	double share = cell->busy / c->most[r];

	if (cell->look >= LOOK_ABORTED || share >= 1)
		return LEVELS;
	return share * LEVELS < 1 ? 1 : (int)ceil(share * LEVELS - 1e-6);
}

/* Cells of a row that look the same; those side by side are one stroke. */
static void put_strokes(const struct dense *c, size_t r, enum look look,
			int level)
{
	const struct cell *row = c->cell + r * c->columns;
	struct buf *out = c->plan->out;
	size_t i, run, at = 0;

	for (i = 0; i < c->columns; i += run ? run : 1) {
		run = 0;
		while (i + run < c->columns && row[i + run].look == look &&
		       level_of(c, r, &row[i + run]) == level)
			run++;
		if (!run)
			continue;
		if (!at)
			buf_printf(out, "<path class=\"%s l%d\" d=\"M%zu %zu",
				   look_name(look), level,
				   LEFT + i * c->width,
				   plan_y(c->plan, r) + c->plan->height / 2);
		else
			buf_printf(out, "m%zu 0", (i - at) * c->width);
		at = i + run;
		buf_printf(out, "h%zu", min_u64(run * c->width,
						PLOT - i * c->width));
	}
	if (at)
		buf_puts(out, "\"/>\n");
}

/* At least one of each of its engines. */
static float most_of(const struct dense *c, size_t r)
{
	const struct cell *row = c->cell + r * c->columns;
	size_t i, first = r * c->plan->per_row;
	float most = (float)(min_u64(first + c->plan->per_row, c->plan->nengines) -
			     first);

	for (i = 0; i < c->columns; i++)
		if (row[i].busy > most)
			most = row[i].busy;
	return most;
}

void dense_init(struct dense *c, struct drawing_plan *p)
{
	struct timeline_bar b;
	uint64_t i;
	size_t r;

	*c = (struct dense){.plan = p};
	c->width = 1 + p->rows * PLOT / MOST_CELLS;
	c->columns = (PLOT + c->width - 1) / c->width;
	c->cell = zalloc(p->rows * c->columns * sizeof(*c->cell));
	c->most = zalloc(p->rows * sizeof(*c->most));
	for (i = 0; i < p->t->n; i++)
		if (plan_bar(p, i, &b))
			add_bar(c, &b);
	for (r = 0; r < p->rows; r++) {
		c->most[r] = most_of(c, r);
		p->most += (double)c->most[r];
	}
}

void dense_put(const struct dense *c)
{
	size_t r;
	int look, level;

	for (r = 0; r < c->plan->rows; r++)
		for (look = LOOK_OK; look < LOOKS; look++)
			for (level = 1; level <= LEVELS; level++)
				put_strokes(c, r, (enum look)look, level);
}

void dense_done(struct dense *c)
{
	free(c->cell);
	free(c->most);
}
