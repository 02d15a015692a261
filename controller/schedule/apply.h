/*
 * apply.h: what a task is changes here, and only with a row that is stored already:
 * nothing shown was not stored.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_APPLY_H
#define TASKFS_CONTROLLER_SCHEDULE_APPLY_H

#include "model/results.h"

/*
 * The row is stored: the task becomes what the row says (strings and bytes
 * are moved out of it). event must be possible in its state.
 */
void task_apply(struct result *r, struct task_row *row, enum state_event event);

#endif
