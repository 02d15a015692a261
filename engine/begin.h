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

#endif
