/*
 * ours_reply.h: what our own engines say of a task: its reply, and outputs while it
 * runs.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_OURS_REPLY_H
#define TASKFS_CONTROLLER_ENGINES_OURS_REPLY_H

#include "ours.h"

/* The reply to an execute_request; content is parsed. */
void ours_on_reply(struct run *run, struct msg *m);

/* An output while a task runs; content is parsed. */
void ours_on_output(struct engine *e, struct msg *m);

#endif
