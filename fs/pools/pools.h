/*
 * pools.h: pools/NAME/ and what its files show.
 */
#ifndef TASKFS_FS_POOLS_POOLS_H
#define TASKFS_FS_POOLS_POOLS_H

#include "tree/node.h"

extern const struct class pool_class, pool_option_class;

int pool_state(const struct obj *o, struct buf *out);
int pool_why(const struct obj *o, struct buf *out);
int pool_wanted(const struct obj *o, struct buf *out);
int pool_engines(const struct obj *o, struct buf *out);
int pool_jobs(const struct obj *o, struct buf *out);

/* What an option is: as it was set, or the standard; with a newline. */
void pool_option_put(const struct pool *p, unsigned i, struct buf *out);

#endif
