/*
 * page.h: `status.html`: the cluster as a page that a browser shows from the file
 * itself. It is one document, which asks for nothing from elsewhere and renews itself.
 * What failed comes first; then engines, as rows of a timeline and as a table, and
 * results.
 *
 * All text from elsewhere is escaped (drawing/markup.h). Should that ever be forgotten
 * somewhere, the page's own policy lets no script run but its own. Lists are cut, and
 * texts too: the page stays below PAGE_MOST, whatever there is.
 */
#ifndef TASKFS_FS_GLANCE_PAGE_H
#define TASKFS_FS_GLANCE_PAGE_H

#include "glance.h"

#define PAGE_MOST (2 * 1024 * 1024)

void page_put(const struct glance *g, struct buf *out);

#endif
