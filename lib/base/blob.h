/*
 * blob.h: bytes that may be many: in memory while they are few, else in a
 * file without a name (in $TMPDIR or /tmp), so that the mount stays small.
 */
#ifndef TASKFS_BLOB_H
#define TASKFS_BLOB_H

#include "base/buf.h"

#define BLOB_IN_MEMORY (16UL * 1024)

struct blob {
	struct buf mem;
	int fd;			/* -1: in memory */
	uint64_t size;
	void *map;		/* what blob_bytes() gave out; or NULL */
	size_t mapped;
};

void blob_init(struct blob *b);
void blob_done(struct blob *b);
/* A gap before off is zeroes. -errno, and nothing is changed. */
int blob_write(struct blob *b, uint64_t off, struct bytes data) must_check;
int blob_resize(struct blob *b, uint64_t size) must_check;
/* Appends what there is from off on, `n` bytes at most; -errno. */
int blob_read(const struct blob *b, uint64_t off, size_t n, struct buf *out)
	must_check;
/* All of them, until the next change or blob_done(); -errno. */
int blob_bytes(struct blob *b, struct bytes *ret) must_check;

#endif
