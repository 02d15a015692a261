/*
 * results.h: results/: finding results by id and by name, removing them; their options.
 */
#ifndef TASKFS_FS_RESULTS_RESULTS_H
#define TASKFS_FS_RESULTS_RESULTS_H

#include "tree/node.h"

extern const struct class result_class, name_class, option_class, setting_class;
bool latest_exists(const struct obj *o);
void latest_target(const struct obj *o, struct buf *out);
void name_target(const struct obj *o, struct buf *out);
int result_remove(const struct obj *o, struct wish *ret_wish);
int result_remove_file(const struct obj *o, struct wish *ret_wish);
int result_option(const struct obj *o, struct buf *out);
/* An option that can change (TASK_CHANGES): a wish, or an empty value takes it back. */
int result_set_option(const struct obj *o, struct bytes value,
		      struct wish *ret_wish);

#endif
