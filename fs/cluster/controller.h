/*
 * controller.h: controller/: who decides what runs where.
 */
#ifndef TASKFS_FS_CLUSTER_CONTROLLER_H
#define TASKFS_FS_CLUSTER_CONTROLLER_H

#include "tree/node.h"

int controller_state(const struct obj *o, struct buf *out);
int controller_kind(const struct obj *o, struct buf *out);
int controller_url(const struct obj *o, struct buf *out);
int controller_id(const struct obj *o, struct buf *out);
int controller_uptime(const struct obj *o, struct buf *out);
int controller_scheme(const struct obj *o, struct buf *out);
int controller_waiting(const struct obj *o, struct buf *out);
int controller_running(const struct obj *o, struct buf *out);
int controller_completed(const struct obj *o, struct buf *out);

#endif
