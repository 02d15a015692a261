/*
 * output.h: what a task has written to one descriptor: in memory while it is
 * small, then in an unlinked file, all of it, because a controller that comes
 * back wants it again from the first byte.
 *
 * Two cursors that know nothing of each other: output_put() moves the end,
 * the sender moves `sent`. Zeroes (OUTPUT_INIT) to begin, output_done() to
 * end.
 */
#ifndef TASKFS_OUTPUT_H
#define TASKFS_OUTPUT_H

#include "base/buf.h"
#include "spool.h"

#define OUTPUT_MEMORY ((size_t)64 * 1024)	/* more than this goes to a file */
#define OUTPUT_PIECE ((size_t)256 * 1024)	/* the most that is read or sent
						   at once */

struct output {
	struct buf memory;	/* all of it, while there is no file */
	int fd;			/* the file; 0: none */
	uint64_t size;
	uint64_t sent;
	struct spool *spool;	/* borrowed: where the file is */
	/* It is beside the controller's outputs, which takes it as it is; or NULL. */
	char *name;
	bool given;	/* deliver.c: the controller was told that name */
};

#define OUTPUT_INIT {.fd = 0}

/*
 * Appends. 0; -EFBIG: it would be more than `limit` bytes, what fits was
 * taken; -errno of the file: nothing was taken of what failed.
 */
int output_put(struct output *o, struct spool *s, struct bytes b,
	       uint64_t limit) must_check;
/*
 * Up to `max` (at most OUTPUT_PIECE) bytes from `offset`, valid until the
 * next call of anything here, empty at the end. 0 or -errno.
 */
int output_read(const struct output *o, uint64_t offset, size_t max,
		struct bytes *ret_b) must_check;
static inline uint64_t output_unsent(const struct output *o)
{
	return o->size - o->sent;
}
/*
 * So much at once from a pipe to its file, without a copy here. How many bytes, 0 at the
 * end of the pipe; -EAGAIN: there is nothing; -EINVAL: it is not in a file yet, has
 * `limit` bytes already, or nothing can be moved there, so it is read and put; -errno.
 */
ssize_t output_splice(struct output *o, int from, uint64_t limit) must_check;
/* Its file has no name any more: nobody takes it. */
void output_keep(struct output *o);
/* Its memory and its file are given back. */
void output_done(struct output *o);
/* How many files all outputs have open now. */
unsigned output_files(void);

/* OUTPUT_PIECE bytes for anyone, until the next call of anything here. */
char *output_scratch(void);

#endif
