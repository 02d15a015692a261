/*
 * results.h: results/: finding results by id and by name, removing them; their options.
 */
#ifndef TASKFS_FS_RESULTS_RESULTS_H
#define TASKFS_FS_RESULTS_RESULTS_H

#include "tree/node.h"

extern const struct class result_class, name_class, option_class;
bool latest_exists(const struct obj *o);
void latest_target(const struct obj *o, struct buf *out);
void name_target(const struct obj *o, struct buf *out);
int result_remove(const struct obj *o, struct wish *ret_wish);
int result_remove_file(const struct obj *o, struct wish *ret_wish);
int result_option(const struct obj *o, struct buf *out);

#endif
