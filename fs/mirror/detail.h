/*
 * detail.h: the long texts of a map's tasks (errors, tries, usage), kept when
 * somebody has asked for them, up to a budget; those asked for longest ago go
 * first. They are asked for by load.h.
 */
#ifndef TASKFS_FS_MIRROR_DETAIL_H
#define TASKFS_FS_MIRROR_DETAIL_H

#include "mirror.h"

#define DETAILS_KEPT (16UL * 1024 * 1024)

struct group;

/* Good to the end of the turn; NULL: not here. */
const struct detail *detail_find(const struct group *g, uint32_t i);
/* Takes the texts over. */
void detail_keep(struct group *g, uint32_t i, struct detail *d);
/* Forgets those of a task that changed; those of all. */
void detail_drop(struct group *g, uint32_t i);
void details_drop_all(struct group *g);

#endif
