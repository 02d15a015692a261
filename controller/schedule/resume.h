/*
 * load.h: what the store has becomes results and engines again, at the start.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_RESUME_H
#define TASKFS_CONTROLLER_SCHEDULE_RESUME_H

#include "core/controller.h"

/* Everything the store has; runs come from run_restore(). -errno. */
int results_resume(struct controller *c, struct buf *why) must_check;

#endif
