/*
 * root.h: README and version, the files that stand at the root.
 */
#ifndef TASKFS_FS_ROOT_H
#define TASKFS_FS_ROOT_H

#include "tree/node.h"

int root_readme(const struct obj *o, struct buf *out);
int root_version(const struct obj *o, struct buf *out);

#endif
