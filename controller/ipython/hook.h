/*
 * hook.h: the Python that an engine of ipyparallel runs once before its first task.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_HOOK_H
#define TASKFS_CONTROLLER_IPYTHON_HOOK_H

#include "foreign.h"

/* Appends the hook: Python code; it leaves no names behind. */
void hook_put(struct buf *out);

#endif
