/*
 * reply.h: the JSON of what is said about an ended task.
 */
#ifndef TASKFS_REPLY_H
#define TASKFS_REPLY_H

#include "task.h"

/* The caller owns what is returned. */
struct json_object *reply_content(const struct task *t);
/* buffers: the number of the buffer that holds an output's rest, or -1. */
struct json_object *reply_metadata(const struct task *t,
				   const int buffers[RUN_STREAMS]);
/* content of iopub's `error` */
struct json_object *reply_error(const struct task *t);

/* {"engine": uuid}, of everything else an engine says to a client. */
struct json_object *reply_engine(const struct engine *e);

#endif
