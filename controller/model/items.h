/*
 * items.h: the items of a map: what each of its tasks finds in $1.
 *
 * One block of NUL-terminated items, kept while the map runs; task i has
 * `chunk` of them, the last task the rest.
 */
#ifndef TASKFS_CONTROLLER_MODEL_ITEMS_H
#define TASKFS_CONTROLLER_MODEL_ITEMS_H

#include "results.h"

/* How many items; 0 when the block does not end with a NUL. */
uint64_t items_count(struct bytes block);
/* Where each task's items begin: fills r->item_at from r->items. */
void items_index(struct result *r);
/* The same of the tasks from `task` on: those before have items of their own. */
void items_index_from(struct result *r, uint64_t task);
/* The items of one task, NUL-terminated; empty when r is no map. */
struct bytes items_of(const struct result *r, uint64_t index);
void items_free(struct result *r);

#endif
