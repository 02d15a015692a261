/*
 * reply.h: the answers to the kernel: exactly one for every request, counted.
 *
 * kernel/ops.c counts what it took; reply_given() plus what is parked must be that
 * at the end of every handler.
 */
#ifndef TASKFS_FS_PARK_REPLY_H
#define TASKFS_FS_PARK_REPLY_H

#include "fuse.h"

#include <sys/uio.h>

/* Bytes for a READ, in pieces that live to the end of the turn. */
#define ANSWER_PIECES 16
struct answer {
	struct iovec iov[ANSWER_PIECES];
	int pieces;
	size_t n;	/* together */
};

static inline void answer_add(struct answer *a, const void *p, size_t n)
{
	assert(a->pieces < ANSWER_PIECES);
	a->iov[a->pieces].iov_base = (void *)(uintptr_t)p;
	a->iov[a->pieces++].iov_len = n;
	a->n += n;
}

/* What of text lies at off, `size` bytes at most. */
void answer_slice(struct answer *a, struct bytes text, uint64_t off,
		  size_t size);

uint64_t reply_given(void);
/* So many were this error (an errno value below REPLY_ERRORS). */
#define REPLY_ERRORS 134
uint64_t reply_errors(int err);

/* err: 0 or -errno. */
void reply_err(fuse_req_t req, int err);
void reply_answer(fuse_req_t req, const struct answer *a);
void reply_buf(fuse_req_t req, struct bytes b);
void reply_entry(fuse_req_t req, const struct fuse_entry_param *e);
void reply_attr(fuse_req_t req, const struct stat *st, double timeout);
void reply_link(fuse_req_t req, const char *target);
/* false: nobody wants it any more, there will be no RELEASE. */
bool reply_open(fuse_req_t req, const struct fuse_file_info *fi) must_check;
/* The same for CREATE. */
bool reply_create(fuse_req_t req, const struct fuse_entry_param *e,
		  const struct fuse_file_info *fi) must_check;
void reply_write(fuse_req_t req, size_t n);
void reply_poll(fuse_req_t req, unsigned events);
void reply_statfs(fuse_req_t req, const struct statvfs *st);

#endif
