/*
 * task_array.h: the tasks of a result, all of which wait to be begun.
 *
 * A map may have a million, and be begun tomorrow: until one of its tasks changes, tasks
 * that are alike are the same pages of memory.
 */
#ifndef TASKFS_CONTROLLER_MODEL_TASK_ARRAY_H
#define TASKFS_CONTROLLER_MODEL_TASK_ARRAY_H

#include "results.h"

/* The caller frees it, with the same n. */
struct task *task_array_new(size_t n);
/* So many more behind the first `was`; these are elsewhere from now on. */
struct task *task_array_grow(struct task *tasks, size_t was, size_t n);
void task_array_free(struct task *tasks, size_t n);

#endif
