/*
 * ours.h: tasks of mounts on our own engines: how they are sent, aborted and
 * answered.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_OURS_H
#define TASKFS_CONTROLLER_ENGINES_OURS_H

#include "schedule/run.h"

extern const struct run_ops run_ops_ours;
extern const struct engine_hooks ours_hooks;

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
#define IMPOSSIBLE_EXIT "its engine says an exit status or signal that there is not"
/* Why what ran there ended: it is gone. Appended. */
void ours_put_gone(const struct engine *e, struct buf *why);

#endif
