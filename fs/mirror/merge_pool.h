/*
 * merge_pool.h: from the pools of the protocol (doc/PROTOCOL.md) to the mirror.
 * As in merge.h, what is missing or of a wrong type changes nothing.
 */
#ifndef TASKFS_FS_MIRROR_MERGE_POOL_H
#define TASKFS_FS_MIRROR_MERGE_POOL_H

#include "mirror.h"

/* A pool as of `seq`; `whole`: in a reply. NULL: nothing to be done with it. */
struct pool *merge_pool(struct mirror *m, struct bytes object, uint64_t seq,
			bool whole);
/* The name, as JSON, of one that is gone. */
void merge_pool_gone(struct mirror *m, struct bytes name, uint64_t seq);

#endif
