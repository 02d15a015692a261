#include "base/base.h"
#include "base/index.h"

void index_done(struct index *ix)
{
	free(ix->row);
	*ix = (struct index){0};
}

/* The first row whose id is not below. */
static size_t lower(const struct index *ix, uint64_t id)
{
	size_t from = 0, to = ix->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (ix->row[mid].id < id)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

void *index_get(const struct index *ix, uint64_t id)
{
	size_t i = lower(ix, id);

	return i < ix->n && ix->row[i].id == id ? ix->row[i].p : NULL;
}

static void grow(struct index *ix)
{
	if (ix->n < ix->room)
		return;
	ix->room = ix->room ? ix->room * 2 : 64;
	ix->row = xreallocarray(ix->row, ix->room, sizeof(*ix->row));
}

void index_put(struct index *ix, uint64_t id, void *p)
{
	size_t i = lower(ix, id);

	assert(p);
	if (i < ix->n && ix->row[i].id == id) {
		assert(!ix->row[i].p);
		ix->row[i].p = p;
		ix->holes--;
		return;
	}
	grow(ix);
	memmove(ix->row + i + 1, ix->row + i, (ix->n - i) * sizeof(*ix->row));
	ix->row[i] = (struct index_row){id, p};
	ix->n++;
}

static void close_up(struct index *ix)
{
	size_t from, to = 0;

	for (from = 0; from < ix->n; from++)
		if (ix->row[from].p)
			ix->row[to++] = ix->row[from];
	ix->n = to;
	ix->holes = 0;
}

void *index_remove(struct index *ix, uint64_t id)
{
	size_t i = lower(ix, id);
	void *p;

	if (i == ix->n || ix->row[i].id != id || !ix->row[i].p)
		return NULL;
	p = ix->row[i].p;
	ix->row[i].p = NULL;
	ix->holes++;
	if (ix->holes > 64 + ix->n / 4)
		close_up(ix);
	return p;
}

void *index_next(const struct index *ix, uint64_t from)
{
	size_t i;

	for (i = lower(ix, from); i < ix->n; i++)
		if (ix->row[i].p)
			return ix->row[i].p;
	return NULL;
}

void *index_last(const struct index *ix)
{
	size_t i = ix->n;

	while (i > 0)
		if (ix->row[--i].p)
			return ix->row[i].p;
	return NULL;
}
