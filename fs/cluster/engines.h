/*
 * engines.h: engines/<id>/: one engine.
 */
#ifndef TASKFS_FS_CLUSTER_ENGINES_H
#define TASKFS_FS_CLUSTER_ENGINES_H

#include "tree/node.h"

extern const struct class engine_class;

int engine_state(const struct obj *o, struct buf *out);
int engine_host(const struct obj *o, struct buf *out);
int engine_pid(const struct obj *o, struct buf *out);
int engine_uuid(const struct obj *o, struct buf *out);
int engine_language(const struct obj *o, struct buf *out);
int engine_why(const struct obj *o, struct buf *out);
int engine_since(const struct obj *o, struct buf *out);
int engine_until(const struct obj *o, struct buf *out);
int engine_heartbeat(const struct obj *o, struct buf *out);
int engine_slots(const struct obj *o, struct buf *out);
int engine_free(const struct obj *o, struct buf *out);
int engine_queue(const struct obj *o, struct buf *out);
int engine_resources(const struct obj *o, struct buf *out);
int engine_running(const struct obj *o, struct buf *out);
int engine_completed(const struct obj *o, struct buf *out);

#endif
