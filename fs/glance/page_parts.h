/*
 * page_parts.h: what the sections of the page (page.h) have in common: how much there is
 * of each, and how text from elsewhere gets into it.
 */
#ifndef TASKFS_FS_GLANCE_PAGE_PARTS_H
#define TASKFS_FS_GLANCE_PAGE_PARTS_H

#include "base/buf.h"

#define PAGE_ENGINES 100
#define PAGE_FAILED 10
#define PAGE_RESULTS 40		/* of each: that run, wait, have ended */
#define PAGE_QUEUES 20
#define PAGE_POOLS 20
#define PAGE_ERROR 2000		/* bytes of an error: its end */

/* A text from elsewhere, its beginning; NULL is "". */
void page_put_text(struct buf *out, const char *text);
/* A link to results/<id>/, which is shown as its number. */
void page_put_link(struct buf *out, uint64_t id);
/* A cell of a table with a text from elsewhere. */
void page_put_cell(struct buf *out, const char *text);
/* Around the rows of a table; id: that of the heading it is under. heads: of its
 * columns, plain text, ended by NULL. Behind the last row: of how many these are. */
void page_begin_table(struct buf *out, const char *id, const char *const *heads);
void page_end_table(struct buf *out, size_t shown, size_t all);
/* The last line of a list that was cut, if it was. */
void page_put_more(struct buf *out, size_t shown, size_t all);

#endif
