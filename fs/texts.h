/*
 * texts.h: small numbers for texts, so that an entry found by a name that the
 * cluster does not know (a list of engines, a name to submit under) has an
 * inode number.
 *
 * Nothing is told when the kernel has no more use for a number: so the texts
 * used last are remembered, `most` of them, and the others forgotten. Numbers
 * are above 0 and fit half of an inode number; none is given again soon.
 */
#ifndef TASKFS_FS_TEXTS_H
#define TASKFS_FS_TEXTS_H

#include "base/list.h"
#include "base/map.h"
#include "base/index.h"

struct texts {
	struct map by_text;
	struct index by_id;
	struct list used;	/* the one used longest ago first */
	uint32_t last;		/* number given */
	size_t most;
};

void texts_init(struct texts *t, size_t most);
void texts_done(struct texts *t);
/* The number of a text, a new one if it has none. */
uint32_t texts_put(struct texts *t, struct bytes text);
/* The number it has, or 0. */
uint32_t texts_find(const struct texts *t, struct bytes text);
/* The text of a number, good for the turn. False: it is forgotten. */
bool texts_get(struct texts *t, uint32_t id, struct bytes *ret_text) must_check;

#endif
