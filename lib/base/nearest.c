#include "base/nearest.h"

#include <ctype.h>

#define LONGEST 32	/* longer words have no near ones */
/* Of a word so short another letter makes another word: cmd is not cwd. */
#define SHORT 3

static char fold(char c)
{
	return (char)(c == '-' ? '_' : tolower((unsigned char)c));
}

static size_t min3(size_t a, size_t b, size_t c)
{
	return min_u64(a, min_u64(b, c));
}

/* One row of the table of distances from the two above it. */
static void fill_row(size_t *row, const size_t *above, const size_t *above2,
		     const char *a, const char *b, size_t nb)
{
	size_t other = nb <= SHORT ? 2 : 1, j;

	for (j = 1; j <= nb; j++) {
		row[j] = min3(above[j] + 1, row[j - 1] + 1,
			      above[j - 1] + (a[0] == b[j - 1] ? 0 : other));
		if (above2 && j > 1 && a[0] == b[j - 2] && a[-1] == b[j - 1])
			row[j] = min_u64(row[j], above2[j - 2] + 1);
	}
}

/* Neighbours that changed places are one mistake (Damerau). */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t row[3][LONGEST + 1] = {{0}};
	size_t i;

	for (i = 0; i <= nb; i++)
		row[0][i] = i;
	for (i = 1; i <= na; i++) {
		row[i % 3][0] = i;
		fill_row(row[i % 3], row[(i - 1) % 3],
			 i > 1 ? row[(i - 2) % 3] : NULL, a + i - 1, b, nb);
	}
	return row[na % 3][nb];
}

/* "target" of "targets", "retry" of "retries" and of "retry_on". */
static bool is_beginning(const char *a, size_t na, const char *b, size_t nb)
{
	if (na < nb && memcmp(a, b, na) == 0)
		return true;
	return a[na - 1] == 'y' && nb == na + 2 && memcmp(a, b, na - 1) == 0 &&
	       memcmp(b + na - 1, "ies", 3) == 0;
}

void nearest_try(struct nearest *n, const char *candidate)
{
	char a[LONGEST], b[LONGEST];
	size_t na = n->word.n, nb = strlen(candidate), i, d;

	if (na < 2 || na > LONGEST || nb > LONGEST)
		return;
	for (i = 0; i < na; i++)
		a[i] = fold(((const char *)n->word.p)[i]);
	for (i = 0; i < nb; i++)
		b[i] = fold(candidate[i]);
	d = is_beginning(a, na, b, nb) ? 1 : distance(a, na, b, nb);
	if (d * 2 >= max_u64(na, nb) || (n->best && d >= n->distance))
		return;
	n->best = candidate;
	n->distance = d;
}

void nearest_ask(const struct nearest *n, struct buf *out)
{
	if (n->best)
		buf_printf(out, ": is \"%s\" meant?", n->best);
}
