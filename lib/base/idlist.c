#include "base/idlist.h"
#include "base/parse.h"

void idlist_done(struct idlist *l)
{
	free(l->id);
	*l = (struct idlist){0};
}

void idlist_add(struct idlist *l, uint64_t id)
{
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 8;
		l->id = xreallocarray(l->id, l->room, sizeof(*l->id));
	}
	l->id[l->n++] = id;
}

/* "7" or "2-5". */
static int add_part(struct idlist *l, struct bytes text, size_t most,
		    uint64_t max)
{
	const char *p = text.p;
	const char *dash = text.n ? memchr(p, '-', text.n) : NULL;
	size_t len = dash ? (size_t)(dash - p) : text.n;
	uint64_t from, to;
	int err = parse_u64(bytes_of(p, len), 0, max, &from);

	to = from;
	if (!err && dash)
		err = parse_u64(bytes_of(dash + 1, text.n - len - 1), 0, max,
				&to);
	if (err)
		return err;
	if (to < from)
		return -EINVAL;
	if (to - from >= most - l->n)
		return -ERANGE;
	while (from <= to)
		idlist_add(l, from++);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

bool idlist_has_twins(const struct idlist *l)
{
	bool found = false;
	uint64_t *sorted;
	size_t i;

	if (l->n < 2)
		return false;
	sorted = xmemdup(l->id, l->n * sizeof(*sorted));
	qsort(sorted, l->n, sizeof(*sorted), compare);
	for (i = 1; i < l->n && !found; i++)
		found = sorted[i] == sorted[i - 1];
	free(sorted);
	return found;
}

int idlist_parse_part(struct idlist *l, struct bytes text, size_t most,
		      uint64_t max)
{
	const char *p = text.p, *end = p + text.n;
	int err;

	for (;; p++) {
		const char *comma = p < end ? memchr(p, ',', (size_t)(end - p))
					    : NULL;
		const char *stop = comma ? comma : end;

		err = add_part(l, bytes_of(p, (size_t)(stop - p)), most, max);
		if (err || !comma)
			break;
		p = comma;
	}
	return err;
}

int idlist_parse(struct idlist *l, struct bytes text, size_t most,
		 uint64_t max)
{
	int err = idlist_parse_part(l, text, most, max);

	return !err && idlist_has_twins(l) ? -EINVAL : err;
}
