/*
 * idlist.h: a list of numbers as people write it: "0,2-3". The order is kept,
 * each number is there once.
 */
#ifndef TASKFS_IDLIST_H
#define TASKFS_IDLIST_H

#include "base/base.h"

/* Zeroes are an empty list; idlist_done() frees what it owns. */
struct idlist {
	uint64_t *id;
	size_t n, room;
};

void idlist_done(struct idlist *l);
void idlist_add(struct idlist *l, uint64_t id);
/*
 * Numbers and ranges (the smaller first) with commas between them, nothing
 * else; `most` numbers at most, up to `max` each. Added to *l. -EINVAL: it is
 * no such list, or a number is there twice; -ERANGE: too many or too large.
 */
int idlist_parse(struct idlist *l, struct bytes text, size_t most,
		 uint64_t max) must_check;
/* The same of a text that is a part of a list: nobody looked for twins. */
int idlist_parse_part(struct idlist *l, struct bytes text, size_t most,
		      uint64_t max) must_check;
bool idlist_has_twins(const struct idlist *l);

#endif
