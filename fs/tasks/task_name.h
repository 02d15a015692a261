/*
 * task_name.h: names that somebody gives to what is made in tasks/.
 */
#ifndef TASKFS_FS_TASKS_TASK_NAME_H
#define TASKFS_FS_TASKS_TASK_NAME_H

#include "tree/node.h"

/*
 * What editors make beside the file that is edited. They do without when they
 * may not; sed -i (with O_EXCL sedXXXXXX) and vim (4913) must not succeed.
 */
bool task_is_temporary(struct bytes name, int flags);
/* Says why in tasks/error; returns -EINVAL. */
int task_temporary_refused(const struct obj *o, struct bytes name);
int task_name_refused(const struct obj *o, struct bytes name);

#endif
