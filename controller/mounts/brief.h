/* brief.h: a task of many in short: the list of doc/PROTOCOL.md, "Tasks in short". */
#ifndef TASKFS_CONTROLLER_MOUNTS_BRIEF_H
#define TASKFS_CONTROLLER_MOUNTS_BRIEF_H

#include "model/results.h"

/* Appended: there may be thousands in one reply. */
void task_put_brief(const struct result *r, uint32_t index, struct buf *out);

#endif
