/*
 * reclaim.h: what became of runs from before a restart, on engines of an upstream
 * controller.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_RECLAIM_H
#define TASKFS_CONTROLLER_UPSTREAM_RECLAIM_H

#include "upstream.h"

/* reclaim_hub.c: what became of runs from before a restart. */
void reclaim_begin(struct controller *c,
		   void (*on_done)(struct controller *c));

/* They have all been asked for once. */
bool reclaim_is_done(struct controller *c);

/*
 * Its engine is gone: the hub is asked whether it was done before, what it says
 * then counts. False: it cannot be asked.
 */
bool reclaim_orphan(struct run *run) must_check;

/* No hub will tell. */
void reclaim_end_orphans(struct controller *c, const char *why);

/* There may be news of it. */
void reclaim_run(struct run *run);

/* The hub is asked anew: the line was broken. */
void reclaim_again(struct run *run);

/* What is known of it is freed. */
void reclaim_free(struct run *run);

/* It was heard of when it had been sent: it may have ended already. */
void reclaim_others(struct run *run);
void reclaim_on_iopub(struct run *run, struct msg *m);

/* Some were added. */
void reclaim_soon(struct controller *c);

/* Frees what is kept for it. */
void reclaim_done(struct controller *c);

#endif
