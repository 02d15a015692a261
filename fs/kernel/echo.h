/*
 * echo.h: the kernel's requests that our own notifier caused (notify/notifier.h).
 * They succeed and change nothing.
 *
 * Each of these is true when the request was the notifier's: then it has been
 * answered.
 */
#ifndef TASKFS_FS_KERNEL_ECHO_H
#define TASKFS_FS_KERNEL_ECHO_H

#include "tree/node.h"

#include <stdatomic.h>

/* What the notifier's thread says before it asks: of its request, and of itself. */
struct echo {
	atomic_int tid;			/* 0: there is no thread */
	atomic_bool arrived;		/* its path leads to the mount */
	/* Of this number there is no entry yet: it is about to be made. */
	atomic_ullong hidden;
	/* This one is gone, but its entry is about to be removed. */
	atomic_ullong ghost, ghost_generation;
	atomic_bool refused;		/* once it had no permission */
};

bool echo_lookup(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
		 const char *name) must_check;
bool echo_getattr(struct fs *fs, fuse_req_t req, fuse_ino_t ino) must_check;
bool echo_setattr(struct fs *fs, fuse_req_t req, fuse_ino_t ino) must_check;
/* mkdir, symlink; create. */
bool echo_make(struct fs *fs, fuse_req_t req) must_check;
bool echo_create(struct fs *fs, fuse_req_t req,
		 struct fuse_file_info *fi) must_check;
/* rmdir, unlink. */
bool echo_remove(struct fs *fs, fuse_req_t req) must_check;
/* For writing; its handle is 0. */
bool echo_open(struct fs *fs, fuse_req_t req, fuse_ino_t ino,
	       struct fuse_file_info *fi) must_check;
/* flush, release. */
bool echo_close(fuse_req_t req, const struct fuse_file_info *fi) must_check;

#endif
