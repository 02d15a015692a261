/*
 * reply.h: the JSON of what is said about an ended task, as text: there is
 * one for every task, and making objects first takes longer than all the rest.
 */
#ifndef TASKFS_REPLY_H
#define TASKFS_REPLY_H

#include "task.h"

void reply_content(const struct task *t, struct buf *out);
/* buffers: the number of the buffer that holds an output's rest, or -1. */
void reply_metadata(const struct task *t, const int buffers[STREAM_OUTPUTS],
		    struct buf *out);
/* content of iopub's `error` */
void reply_error(const struct task *t, struct buf *out);

#endif
