/*
 * ours_reply.h: what our own engines say of a task: its reply, and outputs while it
 * runs.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_OURS_REPLY_H
#define TASKFS_CONTROLLER_ENGINES_OURS_REPLY_H

#include "ours.h"

/* ours_reply.c. */
void ours_on_reply(struct run *run, struct msg *m);

/* An output while a task runs; content is parsed. */
void ours_on_output(struct engine *e, struct msg *m);

/*
 * How the main process ended, as an engine says (member taskfs of the metadata); -1:
 * it does not say. False: it says what cannot be; then both are -1.
 */
bool ours_read_exit(struct json_object *t, int *ret_status, int *ret_signal)
	must_check;

#endif
