/*
 * guard.h: the process the user started. It has no part in the work; when the
 * worker is gone, for whatever reason, it kills what the worker left behind
 * (it is their subreaper), tells the controller, removes the spool, and ends
 * as the worker did.
 */
#ifndef TASKFS_GUARD_H
#define TASKFS_GUARD_H

#include "base/base.h"
#include "wire/ids.h"
#include "wire/limits.h"

/* Memory both processes see: what to say to whom when the worker is gone. */
struct handover {
	bool registered;
	int64_t id;
	char uuid[ID_SIZE];
	size_t n;
	char connection[LIMIT_CONNFILE];	/* text of the file */
};

/* Empty, in shared memory; NULL with errno. */
struct handover *handover_new(void);
/* The worker's: registered at the controller of this connection file. */
void handover_set(struct handover *h, int64_t id, const char *uuid,
		  struct bytes connection);
/* The worker has said goodbye itself. */
void handover_clear(struct handover *h);

/* Blocks the signals guard_run() waits for; before the fork. */
void guard_block_signals(void);
/* Returns the exit code; EXIT_RESTART: there is to be another worker, which
 * takes the place of the one in h. */
int guard_run(pid_t worker, const struct handover *h, const char *spool_dir);

#endif
