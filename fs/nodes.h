/*
 * nodes.h: THE TABLE: one row for every entry of the tree.
 *
 * The rows of one directory stand together, in the order ls -R would visit the
 * directories. Lookup, readdir, getattr (tree/tree.c), the file list of README (root.c)
 * and TREE.md (doc.c) are loops over them: a new file is a row here and a small
 * function in the file of its directory.
 */
#ifndef TASKFS_FS_NODES_H
#define TASKFS_FS_NODES_H

#include "tree/node.h"

/* For tree_init(). Row 0 is the root; a row without path ends the table. */
extern const struct node nodes[];

#endif
