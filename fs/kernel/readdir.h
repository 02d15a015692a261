/*
 * readdir.h: a directory as the kernel wants it listed.
 */
#ifndef TASKFS_FS_KERNEL_READDIR_H
#define TASKFS_FS_KERNEL_READDIR_H

#include "tree/node.h"

/*
 * The entries of dir from the place `off` on, as many as fit: into p, which
 * has room bytes; `plus` with attributes. Returns bytes; 0: the end.
 */
size_t readdir_fill(fuse_req_t req, const struct obj *dir, char *p,
		    size_t room, uint64_t off, bool plus);

#endif
