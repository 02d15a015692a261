/*
 * output.h: what an engine of ipyparallel publishes while it runs a task of a mount.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_OUTPUT_H
#define TASKFS_CONTROLLER_IPYTHON_OUTPUT_H

#include "call.h"

void call_on_iopub(struct run *run, struct msg *m);

/* The end of a run from before a restart was published: it is interrupted no
 * more. What became of it comes some other way. */
void call_note_end(struct run *run);

/*
 * The same for a run from before a restart, out of a record of the hub that
 * has its end; the value of an apply_request are the buffers of the reply.
 */
void call_on_record(struct run *run, struct json_object *record,
		    const struct msg *reply);

#endif
