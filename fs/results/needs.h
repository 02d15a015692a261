/*
 * needs.h: what the controller must tell before a file of a result can be
 * shown; see `await` of struct node.
 *
 * A map or view has many tasks. What each of them is (its state, engine, sizes) is
 * told in blocks, the long texts of one (its error, tries, usage) and which items
 * of the map it has only when somebody asks. Of a result of one task all is known.
 */
#ifndef TASKFS_FS_RESULTS_NEEDS_H
#define TASKFS_FS_RESULTS_NEEDS_H

#include "tree/node.h"

/* What the tasks are. */
int need_tasks(struct obj *o, bool ask) must_check;
/* Of one task of many its long texts; of the result as a whole nothing. */
int need_detail(struct obj *o, bool ask) must_check;
/* The same; of the result as a whole what the tasks are. */
int need_tasks_or_detail(struct obj *o, bool ask) must_check;
/* The same; of the result as a whole also the texts of the first that failed. */
int need_errors(struct obj *o, bool ask) must_check;
/* What the tasks are, and of a map how long its items are. */
int need_table(struct obj *o, bool ask) must_check;
/* Of one task of a map which items it has. */
int need_items(struct obj *o, bool ask) must_check;

#endif
