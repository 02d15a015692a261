/*
 * glance.h: the cluster at a glance, for `top` (top.h) and `status.html` (page.h): what
 * runs where, what waits, what failed, how fast it goes.
 *
 * Who reads is shown his own results; root, and everybody in a mount of one user, all
 * of them. Nothing here goes through all results: of a million, those that run, have
 * failed or have not ended are listed by the mirror, and no list looks at more than
 * GLANCE_LOOKS of them.
 */
#ifndef TASKFS_FS_GLANCE_GLANCE_H
#define TASKFS_FS_GLANCE_GLANCE_H

#include "base/idlist.h"
#include "mirror/mirror.h"
#include "tree/node.h"

#define GLANCE_LOOKS 1000
#define GLANCE_SPAN (60 * (int64_t)USEC_PER_SEC)

struct glance {
	struct fs *fs;
	const struct mirror *mirror;
	uid_t uid;		/* who reads */
	bool all;		/* who may see all results */
	int64_t now;		/* steady_usec() */
	/* So far back goes what is known of tasks that ended lately: GLANCE_SPAN, or
	   less when they were very many. */
	int64_t span;
	size_t ended, failed;	/* tasks, in that time */
	/* Engines: how many, in which state, and their slots. */
	size_t engines, busy, idle, lost;
	int64_t slots, free;
};

/* For who asks. Good for the turn. */
void glance_init(struct glance *g, const struct obj *o);

/* Results, n at most; return how many. Of the oldest ... */
size_t glance_running(const struct glance *g, const struct result **ret, size_t n);
size_t glance_waiting(const struct glance *g, const struct result **ret, size_t n);
/* ... and the newest: whose status is error; what has ended, however. */
size_t glance_failed(const struct glance *g, const struct result **ret, size_t n);
size_t glance_ended(const struct glance *g, const struct result **ret, size_t n);

/* The engines that run tasks of r[i] are added to where[i], in their order. */
void glance_where(const struct glance *g, const struct result *const *r, size_t n,
		  struct idlist *where);
/* Engines as "0-3,7". They are in order. */
void glance_put_engines(const struct idlist *ids, struct buf *out);
/* Tasks that the engine ended lately. */
size_t glance_ended_by(const struct glance *g, int64_t engine);
/* "3.2/s" */
void glance_put_rate(const struct glance *g, size_t tasks, struct buf *out);
/* The name of a result, or "". */
const char *glance_name(const struct result *r);

#endif
