/*
 * window.h: the part of a stream that an open file has fetched.
 *
 * Pieces follow each other without gaps from `start` to `end`. window_read()
 * answers from them or asks for more; when an answer of the controller comes
 * the file is tried again (park_wake()).
 */
#ifndef TASKFS_FS_OPEN_WINDOW_H
#define TASKFS_FS_OPEN_WINDOW_H

#include "link/request.h"
#include "mirror/mirror.h"
#include "park/reply.h"
#include "tree/fs.h"
#include "wire/limits.h"

#define WINDOW_FIRST (128 * KIB)	/* the first piece; then they double */
#define WINDOW_AHEAD (4 * MIB)		/* fetched ahead of the reader */
#define WINDOW_FETCHES 4		/* questions at a time */
#define WINDOW_BEHIND (256 * KIB)	/* kept behind */
/* Bytes of all windows; past it nothing is fetched ahead. */
#define WINDOWS_MAX (256 * MIB)

struct window;

/* What is asked for at once. */
struct piece_plan {
	uint64_t offset;
	size_t n;
	/* Of tasks of a map: */
	uint32_t task;
	enum stream stream;
	uint32_t count;		/* of so many the whole; 0: of one */
};

/* Where the bytes come from. */
struct source {
	/* Which bytes those from `at` on are, n of them at most; fewer are
	   fine. NULL: at that offset. */
	void (*plan)(const struct window *w, uint64_t at, size_t n,
		     struct piece_plan *ret_p);
	/* Asks for them: the answer has them as its buffer, and says `offset`,
	   or `sizes` to a count. 0, -errno. */
	int (*ask)(struct window *w, struct request *q, const struct piece_plan *p);
	/* They came. NULL: nothing to do. */
	void (*came)(struct window *w, uint64_t at, struct bytes b);
};

struct window {
	struct fs *fs;
	struct file *file;
	const struct source *source;
	void *owner;		/* the source's */
	uint64_t id;		/* of the result */
	uint32_t task;
	enum stream stream;
	uint64_t alone;		/* before here `count` is of no use */
	struct list pieces;
	uint64_t start, end;
	uint64_t next;		/* where a reader that goes forward reads next */
	size_t step;		/* the size of the next piece */
	struct list fetches;	/* under way, by offset, from `end` on */
	unsigned nfetches;
	uint64_t asked_end;	/* where the last of them ends */
	int err;		/* of a question; told once */
	int local;		/* local.h; 0: none */
};

/* Of all windows together. */
size_t window_bytes(void);
/* A stream of a task of a result. */
void window_init(struct window *w, struct file *f, uint64_t id, uint32_t task,
		 enum stream s);
/* Bytes of something else. */
void window_init_from(struct window *w, struct file *f,
		      const struct source *source, void *owner);
/* The output has ended, and has so many bytes: they are read from its file if it is on
 * this host. */
void window_use_local(struct window *w, uint64_t size);
/* The buffer of m, taken, is what there is at the beginning. */
void window_begin(struct window *w, struct msg *m);
/* Appends all that it has, and has nothing more. */
void window_put_all(struct window *w, struct buf *out);
/* For other sources that ask for streams. */
int window_ask_stream(struct window *w, struct request *q,
		      const struct piece_plan *p) must_check;
void window_done(struct window *w);
/*
 * n bytes (at least 1) at off; the stream has `size` bytes now, off + n is
 * not behind them. 0, -EINPROGRESS, -errno.
 */
int window_read(struct window *w, uint64_t off, size_t n, uint64_t size,
		struct answer *a) must_check;

#endif
