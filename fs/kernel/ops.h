/*
 * ops.h: the kernel's requests, each handled by the tree, a file, or a wish.
 */
#ifndef TASKFS_FS_KERNEL_OPS_H
#define TASKFS_FS_KERNEL_OPS_H

#include "park/fuse.h"

/* For fuse_session_new(), with a struct fs as its userdata. */
extern const struct fuse_lowlevel_ops ops;

#endif
