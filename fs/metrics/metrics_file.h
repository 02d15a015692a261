/*
 * metrics_file.h: the file `metrics`, open.
 *
 * A read asks the controller for its counters first, once a second at most
 * and for no longer than METRICS_WAIT; what does not come is shown as it was.
 */
#ifndef TASKFS_FS_METRICS_METRICS_FILE_H
#define TASKFS_FS_METRICS_METRICS_FILE_H

#include "link/request.h"
#include "tree/node.h"

#define METRICS_WAIT (2 * USEC_PER_SEC)
#define METRICS_FRESH USEC_PER_SEC

struct metrics {
	struct fs *fs;
	struct request q;
	uint64_t answered;	/* mono_usec(), or when that failed; 0: never */
	struct waitq waitq;	/* of files that wait for it */
};

void metrics_init(struct metrics *m, struct fs *fs);

extern const struct io metrics_io;

#endif
