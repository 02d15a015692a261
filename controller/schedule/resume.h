/* resume.h: what the store has becomes results and engines again, at the start. */
#ifndef TASKFS_CONTROLLER_SCHEDULE_RESUME_H
#define TASKFS_CONTROLLER_SCHEDULE_RESUME_H

#include "core/controller.h"

/* Reads all that the store has. -errno with a sentence in *why. */
int results_resume(struct controller *c, struct buf *why) must_check;

#endif
