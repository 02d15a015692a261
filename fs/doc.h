/*
 * doc.h: the documentation of the tree, made from the tables.
 */
#ifndef TASKFS_FS_DOC_H
#define TASKFS_FS_DOC_H

#include "base/buf.h"

/* "md": doc/TREE.md; "man": what follows doc/taskfs.5.head. -EINVAL. */
int doc_print(const char *format, struct buf *out) must_check;

#endif
