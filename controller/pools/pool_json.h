/*
 * pool_json.h: pools as JSON (doc/PROTOCOL.md, "Objects"), and telling the mounts which of
 * them changed.
 */
#ifndef TASKFS_CONTROLLER_POOLS_POOL_JSON_H
#define TASKFS_CONTROLLER_POOLS_POOL_JSON_H

#include "pool.h"

/* The caller's. Without its options it is as it was told before. */
struct json_object *pool_json(const struct pool *p, bool options);
/* All that are there, whole; the caller's. */
struct json_object *pools_json(const struct controller *c);
/* Tells those that changed. */
void pools_tell(struct controller *c);
void pool_tell_gone(struct controller *c, const char *name);

#endif
