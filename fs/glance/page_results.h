/*
 * page_results.h: the sections of the page (page.h) about results: what failed, what runs,
 * waits and has ended.
 */
#ifndef TASKFS_FS_GLANCE_PAGE_RESULTS_H
#define TASKFS_FS_GLANCE_PAGE_RESULTS_H

#include "glance.h"

void page_put_failed(const struct glance *g, struct buf *out);
void page_put_results(const struct glance *g, struct buf *out);
/* `await` of the page: the errors of maps that it shows. What cannot be had is left out. */
int page_await(struct obj *o, bool ask);

#endif
