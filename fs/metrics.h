/*
 * metrics.h: the file `metrics`: what the controller and the mount count, in
 * Prometheus' text format, from one table (metrics.c).
 *
 * A read asks the controller for its counters first, once a second at most
 * and for no longer than METRICS_WAIT; what does not come is shown as it was.
 */
#ifndef TASKFS_FS_METRICS_H
#define TASKFS_FS_METRICS_H

#include "base/buf.h"
#include "park.h"
#include "request.h"

#define METRICS_WAIT (2 * USEC_PER_SEC)
#define METRICS_FRESH USEC_PER_SEC

struct fs;

struct metrics {
	struct fs *fs;
	struct request q;
	uint64_t answered;	/* mono_usec(), or when that failed; 0: never */
	struct waitq waitq;	/* of files that wait for it */
};

void metrics_init(struct metrics *m, struct fs *fs);
void metrics_put(const struct fs *fs, struct buf *out);
extern const struct io metrics_io;

#endif
