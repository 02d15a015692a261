/*
 * park.h: requests of the kernel that wait, and what wakes them.
 *
 * A request that cannot be answered yet becomes a struct parked, in the list
 * of whoever will answer it (an open file, a question to the controller).
 * park_take() gives the request back, to be answered at once. A request that
 * is interrupted first is answered EINTR here, after its owner was told.
 *
 * An open file that waits for a change stands with its struct waiter in the
 * waitq of the thing that will change (a result, an engine, the events).
 * waitq_wake() makes everybody there try again at the end of the turn.
 */
#ifndef TASKFS_FS_PARK_PARK_H
#define TASKFS_FS_PARK_PARK_H

#include "base/base.h"
#include "base/loop.h"

struct fuse_req;

enum parked_kind {
	PARKED_OPEN,
	PARKED_READ,
	PARKED_WRITE,
	PARKED_FLUSH,
	PARKED_OTHER,
};

struct parked {
	struct list link;	/* the owner's list */
	struct list all;
	struct park *park;
	struct fuse_req *req;
	enum parked_kind kind;
	size_t size;		/* READ: bytes asked; WRITE: bytes taken */
	uint64_t off;		/* READ */
	void *owner;
	void (*interrupted)(struct parked *p);	/* let go of p; may be NULL */
};

struct waiter {
	struct list link;	/* of a waitq, or of park->woken; or alone */
};

struct park {
	struct loop *loop;
	struct list all;	/* struct parked */
	size_t count;
	struct list files;	/* all that are open; open/file.c's */
	struct list woken;	/* struct waiter: to try again */
	struct work work;
	void (*retry)(struct waiter *w);
};

struct waitq {
	struct list waiters;
};

void park_init(struct park *pk, struct loop *loop,
	       void (*retry)(struct waiter *w));
/* Answers everything that is still parked, with -err. */
void park_done(struct park *pk, int err);

/*
 * NULL when the request was interrupted already: then it has been answered.
 * Else the caller fills in size, off, owner, interrupted, and the list.
 */
struct parked *park(struct park *pk, struct fuse_req *req,
		    enum parked_kind kind) must_check;
/* Frees p; the request is the caller's to answer at once. */
struct fuse_req *park_take(struct parked *p) must_check;

void waitq_init(struct waitq *q);
/* w waits here, and nowhere else. */
void waitq_add(struct waitq *q, struct waiter *w);
void waitq_wake(struct park *pk, struct waitq *q);
/* One alone, as if something it waits for had changed. */
void park_wake(struct park *pk, struct waiter *w);

#endif
