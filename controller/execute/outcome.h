/*
 * outcome.h: how a task ended, as an execute_reply says, whoever ran it and whoever
 * asked for it: a mount or a client, an engine of ours or of ipyparallel.
 *
 *	outcome_init(&o);
 *	outcome_read(&o, m->header, m->metadata, m->content);
 *	outcome_read_ours(&o, taskfs);		of an engine of ours
 *	... outcome_ending(&o) for run_end(), outcome_put(&o, &row) ...
 *	outcome_done(&o);
 */
#ifndef TASKFS_CONTROLLER_EXECUTE_OUTCOME_H
#define TASKFS_CONTROLLER_EXECUTE_OUTCOME_H

#include "schedule/run.h"

struct outcome {
	enum state_event event;
	char *ename, *evalue;	/* of a failure; else NULL */
	struct buf traceback;
	int64_t started, completed;	/* times of day; 0: it does not say */
	int64_t ran, ago;	/* usec; ran < 0: it does not say */
	double user, system;	/* seconds; user < 0: it does not say */
	int64_t memory;
	int exit_status, signal;	/* of the main process; -1: none */
	char *cwd;		/* or NULL */
};

void outcome_init(struct outcome *o);
void outcome_done(struct outcome *o);
/* What every engine says: status, error, dates; no text longer than it may be. */
void outcome_read(struct outcome *o, struct json_object *header,
		  struct json_object *metadata, struct json_object *content);
/* What engines of ours say besides: `taskfs` is that member of the metadata. An exit
 * status or a signal that cannot be makes a failure of it. */
void outcome_read_ours(struct outcome *o, struct json_object *taskfs);
void outcome_read_usage(struct outcome *o, struct json_object *usage);
void outcome_read_cwd(struct outcome *o, struct json_object *from);
/* Whatever the reply says, the task failed for this; both texts are copied. */
void outcome_fail(struct outcome *o, const char *ename, const char *evalue);
/* Takes the colours of a terminal out of all texts. */
void outcome_strip_colours(struct outcome *o);
/* Its strings are the outcome's. */
struct ending outcome_ending(struct outcome *o) must_check;
/* Exit, usage and directory go into the row; times are the caller's. */
void outcome_put(const struct outcome *o, struct task_row *row);

#endif
