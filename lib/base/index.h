/*
 * index.h: numbered things in order: from an id to a pointer, and from an id
 * to the next one.
 *
 * Ids mostly come in rising order, so this is a sorted array. Whoever puts a
 * pointer in owns what it points to. Zeroes are an empty index.
 */
#ifndef TASKFS_INDEX_H
#define TASKFS_INDEX_H

#include "base/base.h"

struct index_row {
	uint64_t id;
	void *p;	/* NULL: removed, not yet closed up */
};

struct index {
	struct index_row *row;
	size_t n, room;
	size_t holes;
};

void index_done(struct index *ix);
void *index_get(const struct index *ix, uint64_t id);
/* id is not in the index yet; p is not NULL. */
void index_put(struct index *ix, uint64_t id, void *p);
/* What was there, or NULL. */
void *index_remove(struct index *ix, uint64_t id);
/* The first with an id of `from` or above, or NULL. */
void *index_next(const struct index *ix, uint64_t from);
/* The one with the highest id, or NULL. */
void *index_last(const struct index *ix);

static inline size_t index_count(const struct index *ix)
{
	return ix->n - ix->holes;
}

#endif
