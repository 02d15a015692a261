/*
 * reclaim.h: what became of runs from before a restart, on engines of an upstream
 * controller.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_RECLAIM_H
#define TASKFS_CONTROLLER_UPSTREAM_RECLAIM_H

#include "upstream.h"

/* Asks the hub for all of them; on_done() when it has been asked for each once. */
void reclaim_begin(struct controller *c,
		   void (*on_done)(struct controller *c));

/* The hub has been asked for each once. */
bool reclaim_is_done(struct controller *c);

/* The engine of the run is gone: the hub is asked whether the task was done before,
 * and what it says counts. False: the hub cannot be asked. */
bool reclaim_orphan(struct run *run) must_check;

/* No hub will tell of runs whose engine is gone: they end. */
void reclaim_end_orphans(struct controller *c, const char *why);

/* There may be news of the run. */
void reclaim_run(struct run *run);

/* The line was broken: the hub is asked for the run anew. */
void reclaim_again(struct run *run);

/* Frees what is known of the run. */
void reclaim_free(struct run *run);

/* A run of another client was heard of when it had been sent: it may have ended
 * already. */
void reclaim_others(struct run *run);
void reclaim_on_iopub(struct run *run, struct msg *m);

/* Runs were added: the hub is asked soon. */
void reclaim_soon(struct controller *c);

/* At the end. */
void reclaim_done(struct controller *c);

#endif
