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

/* For a run that is about to be sent, or one from before a restart. */
void call_new(struct run *run);

/* For tables of operations: runs.c, upstream/runs.c. */
const char *call_refusal(const struct run *run, struct result *r);
int call_send(struct result *r, struct run *run, struct bytes code,
	      struct bytes input) must_check;

void call_free(struct run *run);

/* The reply came by the shell channel; content is parsed. */
void call_on_reply(struct run *run, struct msg *m);

/* The engine of the run is gone. True: the reply is here, and the run ends with
 * that. */
bool call_ends_with_reply(struct run *run) must_check;

#endif
