/*
 * outcome.h: how a task ended, in the user's words.
 */
#ifndef TASKFS_OUTCOME_H
#define TASKFS_OUTCOME_H

#include "task.h"

/* ename is static, evalue the task's from now on; both NULL: no error. */
void outcome_set(struct task *t, const char *ename, char *evalue);
/*
 * From the end of its run: exit_status, signal, ename, evalue, traceback.
 * Returns what this is to its state.
 */
enum state_event outcome_note(struct task *t);

#endif
