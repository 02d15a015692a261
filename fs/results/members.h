/*
 * members.h: the tasks of a map or view as entries: results/<id>/<n>/, and by_engine/.
 *
 * Of a view an engine in by_engine/ leads to the one task it has; of a map it has a
 * directory of links, and of a result of one task one with the files of that.
 */
#ifndef TASKFS_FS_RESULTS_MEMBERS_H
#define TASKFS_FS_RESULTS_MEMBERS_H

#include "tree/node.h"

extern const struct class member_class, by_engine_class, share_class,
	only_engine_class;
void by_engine_target(const struct obj *o, struct buf *out);
void share_target(const struct obj *o, struct buf *out);

#endif
