#include "cells.h"
#include "wire/ids.h"
#include "wire/limits.h"

static const size_t date_length = sizeof("2026-11-22T01:33:43.349713Z") - 1;

static bool is_known(const struct table_cell *c)
{
	switch (c->kind) {
	case CELL_NONE:
		return false;
	case CELL_TIME:
		return c->n > 0 && c->n <= LIMIT_TIME;
	case CELL_WORD:
		return c->word && *c->word;
	default:
		return c->n >= 0;
	}
}

static size_t digits(int64_t n)
{
	size_t d = 1;

	while (n >= 10) {
		n /= 10;
		d++;
	}
	return d;
}

static size_t cell_size(const struct table_cell *c)
{
	if (!is_known(c))
		return strlen("-");
	switch (c->kind) {
	case CELL_TIME:
		return date_length;
	case CELL_SECONDS:
		return digits(c->n / 1000000) + strlen(".000000");
	case CELL_USAGE:
		return digits(c->n / 1000) + strlen(".000");
	case CELL_WORD:
		return strlen(c->word);
	default:
		return digits(c->n);
	}
}

size_t cells_size(const struct table_cell *cell, size_t n)
{
	size_t i, size = n; /* tabs */

	for (i = 0; i < n; i++)
		size += cell_size(&cell[i]);
	return size;
}

/* So many digits, with zeroes before them. */
static void put_digits(struct buf *out, int64_t n, size_t width)
{
	char *p = buf_reserve(out, width);
	size_t i = width;

	for (; i > 0; n /= 10)
		p[--i] = (char)('0' + n % 10);
	out->n += width;
}

static void put_decimal(struct buf *out, int64_t n, int64_t unit, size_t places)
{
	put_digits(out, n / unit, digits(n / unit));
	buf_putc(out, '.');
	put_digits(out, n % unit, places);
}

static void put_time(struct buf *out, int64_t usec)
{
	char date[DATE_SIZE];

	date_format(usec, date);
	buf_put(out, date, date_length);
}

static void cell_put(const struct table_cell *c, struct buf *out)
{
	if (!is_known(c))
		buf_putc(out, '-');
	else if (c->kind == CELL_TIME)
		put_time(out, c->n);
	else if (c->kind == CELL_SECONDS)
		put_decimal(out, c->n, 1000000, 6);
	else if (c->kind == CELL_USAGE)
		put_decimal(out, c->n, 1000, 3);
	else if (c->kind == CELL_WORD)
		buf_puts(out, c->word);
	else
		put_digits(out, c->n, digits(c->n));
	buf_putc(out, '\t');
}

void cells_put(const struct table_cell *cell, size_t n, struct buf *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		cell_put(&cell[i], out);
}
