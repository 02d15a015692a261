/*
 * refresh.h: engines that tell which variables they have only when they are asked
 * (those of ipyparallel). Whenever somebody looks the controller is asked, which
 * knows it, or asks the engine; of one that runs something now it says what was
 * known before that.
 */
#ifndef TASKFS_FS_VARS_REFRESH_H
#define TASKFS_FS_VARS_REFRESH_H

#include "tree/node.h"

/*
 * As `refresh` of struct node. 0: what is known of the variables that this entry is
 * about (its engine's, its view's) is not older than `since`, or cannot be had at
 * once. -EINPROGRESS: await_again() is called when the answer comes.
 */
int refresh_variables(const struct obj *o, uint64_t since) must_check;

#endif
