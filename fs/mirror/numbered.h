/*
 * numbered.h: small numbers for texts, so that an entry found by a name that the
 * cluster does not know (a list of engines, a name to submit under) has an
 * inode number.
 *
 * Nothing is told when the kernel has no more use for a number: so the texts
 * used last are remembered, `most` of them, and the others forgotten. Numbers
 * are above 0 and fit half of an inode number; none is given again soon.
 */
#ifndef TASKFS_FS_MIRROR_NUMBERED_H
#define TASKFS_FS_MIRROR_NUMBERED_H

#include "base/index.h"
#include "base/list.h"
#include "base/map.h"

struct numbered {
	struct map by_text;
	struct index by_id;
	struct list used;	/* the one used longest ago first */
	uint32_t last;		/* number given */
	size_t most;
};

void numbered_init(struct numbered *t, size_t most);
void numbered_done(struct numbered *t);
/* The number of a text, a new one if it has none. */
uint32_t numbered_put(struct numbered *t, struct bytes text);
/* The number it has, or 0. */
uint32_t numbered_find(const struct numbered *t, struct bytes text);
/* The text of a number, good for the turn. False: it is forgotten. */
bool numbered_get(struct numbered *t, uint32_t id,
		  struct bytes *ret_text) must_check;

#endif
