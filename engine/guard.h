/*
 * guard.h: the process the user started. It has no part in the work; when the
 * worker is gone, for whatever reason, it kills what the worker left behind
 * (it is their subreaper), tells the controller, removes the spool, and ends
 * as the worker did. With --respawn there is another worker after one that died.
 */
#ifndef TASKFS_GUARD_H
#define TASKFS_GUARD_H

#include "base/base.h"
#include "respawn.h"
#include "wire/ids.h"
#include "wire/limits.h"

/* Memory both processes see: what to say to whom when the worker is gone. */
struct handover {
	bool registered;
	bool extended;		/* its controller speaks the extensions */
	bool leaving;		/* the worker ends because it was told to */
	bool respawned;		/* the guard's: the worker before has died */
	/* The largest number of a task that has begun (execute_request); 0: none. */
	int64_t begun;
	int64_t id;
	char uuid[ID_SIZE];
	size_t n;
	char connection[LIMIT_CONNFILE];	/* text of the file */
};

/* Empty, in shared memory; NULL with errno. */
struct handover *handover_new(void);
/* The worker's: registered at the controller of this connection file. */
void handover_set(struct handover *h, int64_t id, const char *uuid,
		  bool extended, struct bytes connection);
/* The worker's: a task of this number begins now. */
void handover_begun(struct handover *h, int64_t number);
/* The worker has said goodbye itself. */
void handover_clear(struct handover *h);

/* Blocks the signals guard_run() waits for; before the fork. */
void guard_block_signals(void);
/* Returns the exit code; EXIT_RESTART: there is to be another worker, which
 * takes the place of the one in h. respawn: also after one that died; or NULL. */
int guard_run(pid_t worker, struct handover *h, const char *spool_dir,
	      struct respawn *respawn);

#endif
