/*
 * file.h: an open file.
 *
 * A file with `show` is rendered at offset 0 into a copy, and all READs are
 * served from that copy, so that a value read byte by byte does not tear. One
 * with an `io` (nodes.h) does as that says. What cannot be answered yet is
 * parked here; file_retry() tries it again.
 *
 * The kernel's handle is the pointer; the file lives from OPEN to RELEASE.
 */
#ifndef TASKFS_FS_OPEN_FILE_H
#define TASKFS_FS_OPEN_FILE_H

#include "tree/node.h"

struct file {
	struct list all;	/* park->files */
	struct waiter waiter;	/* file_retry() is called when it is woken */
	struct list parked;	/* struct parked, oldest first */
	struct fs *fs;
	uint64_t ino;
	uint64_t generation;	/* of its result: ids come again with
				   another cluster */
	const struct node *node;
	int flags;		/* of open() */
	pid_t tid;		/* who opened it */
	bool cached;		/* its READs fill the page cache */
	struct opening *opening; /* an OPEN that waits; or NULL */
	struct fuse_pollhandle *poll;	/* who asked to be told */
	/* What was rendered. */
	bool rendered;
	struct buf copy;
	/* An io's own. */
	uint64_t pos, next, seen;
	bool of_group;		/* of a map or view as a whole */
	void *private;
};

void file_on_open(struct fs *fs, fuse_req_t req, struct obj *o,
	       struct fuse_file_info *fi);
/* The same for a file just made: with its name. */
void file_on_create(struct fs *fs, fuse_req_t req, struct obj *o,
		    struct fuse_file_info *fi);
void file_on_read(fuse_req_t req, struct file *f, size_t size, uint64_t off,
	       bool nonblock);
void file_on_write(fuse_req_t req, struct file *f, struct bytes data,
		   uint64_t off);
void file_on_flush(fuse_req_t req, struct file *f);
void file_on_poll(fuse_req_t req, struct file *f, struct fuse_pollhandle *ph);
void file_on_end(struct file *f);
void file_on_release(fuse_req_t req, struct file *f);
/* Something changed: answer what can be answered now. */
void file_retry(struct waiter *w);
/* At the end, when the kernel sends no RELEASE any more. */
void file_free(struct file *f);

#endif
