/* ours.h: tasks of mounts on our own engines: how they are sent, signalled and
 * aborted. */
#ifndef TASKFS_CONTROLLER_ENGINES_OURS_H
#define TASKFS_CONTROLLER_ENGINES_OURS_H

#include "schedule/run.h"

extern const struct engine_hooks ours_hooks;

/* Appends a sentence: why what ran on e ended, now that e is gone. */
void ours_put_gone(const struct engine *e, struct buf *why);

#endif
