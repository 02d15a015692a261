/*
 * deliver.h: what is sent about a task, step by step, as far as the sockets
 * take it. In the dialect of the extensions: output with offsets, then the
 * reply, then waiting for `stored`. In stock ipyparallel's: busy, input,
 * stream, error or result on iopub, the reply, idle.
 *
 * deliver() may end with the task freed.
 */
#ifndef TASKFS_DELIVER_H
#define TASKFS_DELIVER_H

#include "task.h"

void deliver_init(struct engine *e);
/* Goes on with one task. */
void deliver(struct task *t);
/* Goes on with all of them: a socket may take more, or the link is back. */
void deliver_all(struct engine *e);
/* There is new output of a running task; it is not sent one byte at a time. */
void deliver_output(struct task *t, enum stream s);
/* All is sent again from the beginning: the controller may be another one. */
void deliver_again(struct task *t);

/*
 * On iopub, about the request with this header: any message; a status. 0;
 * -ENOBUFS: iopub is full, and does not tell when it has room again; -errno.
 */
int deliver_publish(struct engine *e, const char *type, const char *topic,
		    struct bytes parent, struct bytes content) must_check;
int deliver_state(struct engine *e, struct bytes parent, const char *state)
	must_check;

#endif
