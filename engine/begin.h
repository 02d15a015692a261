/*
 * begin.h: from a request to a running process.
 */
#ifndef TASKFS_BEGIN_H
#define TASKFS_BEGIN_H

#include "task.h"

/*
 * Starts t->run. On failure (-errno) the task says why: ename, evalue,
 * exit_status.
 */
int task_begin(struct task *t) must_check;
/* It may run so long from its beginning on, also when it runs already; 0: without a
 * limit. */
void task_limit(struct task *t, double seconds);

#endif
