/*
 * page_engines.h: the sections of the page (page.h) about engines, with their timeline,
 * and about pools.
 */
#ifndef TASKFS_FS_GLANCE_PAGE_ENGINES_H
#define TASKFS_FS_GLANCE_PAGE_ENGINES_H

#include "glance.h"

void page_put_engines(const struct glance *g, struct buf *out);
void page_put_queues(const struct glance *g, struct buf *out);
void page_put_pools(const struct glance *g, struct buf *out);

#endif
