/*
 * page_parts.h: the sections of the page (page.h), and what they have in common.
 */
#ifndef TASKFS_FS_GLANCE_PAGE_PARTS_H
#define TASKFS_FS_GLANCE_PAGE_PARTS_H

#include "glance.h"

void page_put_failed(const struct glance *g, struct buf *out);
void page_put_engines(const struct glance *g, struct buf *out);
void page_put_pools(const struct glance *g, struct buf *out);
void page_put_results(const struct glance *g, struct buf *out);

/* A text from elsewhere, at most so many bytes of it; NULL is "". */
void page_put_text(struct buf *out, const char *text);
/* A link to results/<id>/, which is shown as its number. */
void page_put_link(struct buf *out, uint64_t id);
/* A cell of a table with a text from elsewhere. */
void page_put_cell(struct buf *out, const char *text);
/* The last line of a list that was cut, if it was. */
void page_put_more(struct buf *out, size_t shown, size_t all);

#endif
