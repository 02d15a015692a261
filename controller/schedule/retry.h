/*
 * retry.h: whether a task of a mount that failed is tried again (its options `retries`
 * and `retry_on`).
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_RETRY_H
#define TASKFS_CONTROLLER_SCHEDULE_RETRY_H

#include "core/controller.h"

struct ending;
struct result;
struct run;
struct task_row;

/* row: the end as it would be stored; NULL: nobody knows more than `how`. */
bool retry_wanted(const struct result *r, const struct run *run,
		  const struct ending *how, const struct task_row *row);

#endif
