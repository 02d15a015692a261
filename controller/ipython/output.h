/*
 * output.h: what an engine of ipyparallel publishes while it runs a task of a mount.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_OUTPUT_H
#define TASKFS_CONTROLLER_IPYTHON_OUTPUT_H

#include "call.h"

void call_on_iopub(struct run *run, struct msg *m);

/* The end of a run from before a restart was published: the run is interrupted no
 * more. What became of it is learnt some other way. */
void call_note_end(struct run *run);

/* Ends a run from before a restart with what a record of the hub says. The value of
 * an apply_request are the buffers of the reply. */
void call_on_record(struct run *run, struct json_object *record,
		    const struct msg *reply);

#endif
