/*
 * lifetime.h: a result from its submission to its purge.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_LIFETIME_H
#define TASKFS_CONTROLLER_SCHEDULE_LIFETIME_H

#include "model/results.h"

/*
 * A new result: it takes its name, is stored (then done(), with arg), and waits. Who
 * calls says when it is ready (ready_add()).
 */
void result_put(struct result *r, void (*done)(struct store_op *op), void *arg);
/* The option timeout of r counts from now. */
void result_wait(struct result *r);
/*
 * The submission cannot be stored: nobody was told of it, and it goes as soon
 * as nothing works on it any more.
 */
void result_doom(struct result *r);
/* All tasks of r have ended. Of a result that ended before a restart that is no
 * news. */
void result_set_finished(struct result *r);
/* The same of a result that has just ended: that is news. */
void result_end(struct result *r);
/* The oldest finished results go when there are too many, or too old. */
void results_retain(struct controller *c);

/*
 * Takes a final result away, in the store and here; done (may be NULL) when
 * that is stored. -EBUSY: not final. -EALREADY: somebody does so now.
 */
int result_purge(struct result *r, void (*done)(void *arg, int err), void *arg)
	must_check;

/* Nothing is added any more: r ends with the last of its tasks. done() (or NULL) when
 * that is stored, or cannot be. -EALREADY: it is not open. */
int result_close(struct result *r, void (*done)(void *arg, int err), void *arg)
	must_check;

#endif
