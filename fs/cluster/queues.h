/*
 * queues.h: queues/NAME/: how many tasks of a queue run at a time.
 */
#ifndef TASKFS_FS_CLUSTER_QUEUES_H
#define TASKFS_FS_CLUSTER_QUEUES_H

#include "tree/node.h"

extern const struct class queue_class;
/* mkdir and rmdir. */
extern const struct deeds queue_deeds;

int queue_limit(const struct obj *o, struct buf *out);
int queue_set_limit(const struct obj *o, struct bytes value,
		    struct wish *ret_wish);
int queue_state(const struct obj *o, struct buf *out);
int queue_waiting(const struct obj *o, struct buf *out);
int queue_running(const struct obj *o, struct buf *out);
/* Of the queue, which is there. */
struct bytes queue_name(const struct obj *o);

#endif
