/*
 * draft_submit.h: tasks/NAME/submit, open: 1 submits the draft.
 */
#ifndef TASKFS_FS_TASKS_DRAFT_SUBMIT_H
#define TASKFS_FS_TASKS_DRAFT_SUBMIT_H

#include "tree/node.h"

extern const struct io draft_submit_io;

#endif
