/*
 * linktext.h: what a reader of controller/ is told about the line.
 */
#ifndef TASKFS_FS_LINK_LINKTEXT_H
#define TASKFS_FS_LINK_LINKTEXT_H

#include "link.h"

/* "connected", or one line that says why not. No newline. */
void link_describe(const struct link *l, struct buf *out);
/* Only why not, without times. */
void link_explain(const struct link *l, struct buf *out);
/* "tcp://127.0.0.1:1234", or nothing when there is no file. */
void link_url(const struct link *l, struct buf *out);

#endif
