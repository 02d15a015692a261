/*
 * doc.h: the documentation of the tree, made from the tables.
 */
#ifndef TASKFS_FS_DOC_H
#define TASKFS_FS_DOC_H

#include "base/buf.h"

/* "md": doc/TREE.md; "man": the sections of taskfs(5). -EINVAL. */
int doc_print(const char *format, struct buf *out) must_check;

#endif
