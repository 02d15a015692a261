/* ending.h: a run ends, or a task that waits does, or it waits again: until that is
 * stored. */
#ifndef TASKFS_CONTROLLER_SCHEDULE_ENDING_H
#define TASKFS_CONTROLLER_SCHEDULE_ENDING_H

#include "run.h"

/*
 * Ends a run without its engine's answer, or with what is known of its end in
 * `row` (moved; NULL: the task's own row). Retries are seen to.
 */
void run_end(struct run *run, const struct ending *how, struct task_row *row);

/* The task of the run waits again; that was one more try. */
void run_retry(struct run *run, const struct ending *how);

/* Ends a task that is not running (aborted, timed out while pending). */
void task_end_pending(struct result *r, uint32_t index,
		      const struct ending *how);

/* A last word on a task, or that it waits again; repeated until stored. */
void task_put_end(struct controller *c, struct store_op *op);

/* Writes into the row what is known of the outputs. */
void task_known_outputs(struct result *r, uint32_t index,
			struct task_row *row);

/* Gives the op to the store again, after a while; its done() is set. */
void store_put_again(struct controller *c, struct store_op *op);
void runs_init(struct controller *c);

#endif
