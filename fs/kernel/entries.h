/*
 * entries.h: the entry that a request of the kernel is about, and entries that are made,
 * removed and renamed.
 */
#ifndef TASKFS_FS_KERNEL_ENTRIES_H
#define TASKFS_FS_KERNEL_ENTRIES_H

#include "tree/node.h"

/* The entry of this number, for who sent the request. -errno. */
int entry_of(struct fs *fs, fuse_req_t req, fuse_ino_t ino, struct obj *ret_o);
/* The new entry of the directory `parent`; the request is still to be answered. */
int entry_make(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
	       const char *name, mode_t type, int flags, struct obj *ret_o);
/* These answer the request, now or when the controller has answered. */
void entry_mkdir(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
		 const char *name);
void entry_remove(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
		  const char *name, bool is_dir);
/* Within a directory: from one directory to another mv(1) copies. */
void entry_rename(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
		  const char *name, fuse_ino_t to, const char *to_name,
		  unsigned flags);

#endif
