/*
 * ctl.h: the files ctl: the words that can be written to them, and what each asks for.
 * They check a word and its argument; open/control.h asks the controller.
 */
#ifndef TASKFS_FS_CLUSTER_CTL_H
#define TASKFS_FS_CLUSTER_CTL_H

#include "tree/node.h"

int ctl_show(const struct obj *o, struct buf *out);
int engine_ctl_show(const struct obj *o, struct buf *out);
int controller_ctl_show(const struct obj *o, struct buf *out);
int pool_ctl_show(const struct obj *o, struct buf *out);
int queue_ctl_show(const struct obj *o, struct buf *out);
int ctl_store(const struct obj *o, struct bytes value, struct wish *ret_wish);
int engine_ctl_store(const struct obj *o, struct bytes value,
		     struct wish *ret_wish);
int controller_ctl_store(const struct obj *o, struct bytes value,
			 struct wish *ret_wish);
int pool_ctl_store(const struct obj *o, struct bytes value,
		   struct wish *ret_wish);
int queue_ctl_store(const struct obj *o, struct bytes value,
		    struct wish *ret_wish);

#endif
