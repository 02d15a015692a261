/*
 * ours.h: tasks of mounts on our own engines: how they are sent, aborted and
 * answered.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_OURS_H
#define TASKFS_CONTROLLER_ENGINES_OURS_H

#include "schedule/run.h"

extern const struct run_ops run_ops_ours;
extern const struct engine_hooks ours_hooks;

/* Why what ran there ended: it is gone. Appended. */
void ours_put_gone(const struct engine *e, struct buf *why);

#endif
