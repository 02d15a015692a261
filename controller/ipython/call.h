/*
 * call.h: a run on an engine of ipyparallel: one execute_request, whose answer
 * is a reply and what is published on iopub meanwhile.
 *
 * A run has its call from the sending on (run->call), and frees it. What such
 * an engine does not know (time limits, abort of a running task) is done from
 * here, by interrupting it.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_CALL_H
#define TASKFS_CONTROLLER_IPYTHON_CALL_H

#include "schedule/run.h"

struct call;

/* For mounts' tasks on engines of ipyparallel. */
extern const struct run_ops run_ops_ipython;

/* For a run that is about to be sent, or one from before a restart. */
void call_new(struct run *run);

/* Single operations, for tables that have others besides (upstream/runs.c). */
const char *call_refusal(const struct run *run, struct result *r);
int call_send(struct result *r, struct run *run, struct bytes code,
	      struct bytes input) must_check;

void call_free(struct run *run);

/* The reply came by the shell channel; content is parsed. */
void call_on_reply(struct run *run, struct msg *m);

/* The engine of the run is gone. True: the reply is here, and the run ends with
 * that. */
bool call_ends_with_reply(struct run *run) must_check;

/* The engine does not work any more on what it was given before a restart: such runs
 * end, or it is found out how they ended. */
void calls_lost(struct engine *e);

#endif
