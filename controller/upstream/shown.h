/*
 * shown.h: what mounts see of the upstream controller: whether it is there, or why not.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_SHOWN_H
#define TASKFS_CONTROLLER_UPSTREAM_SHOWN_H

#include "upstream_parts.h"

/* The member of controller/ that mounts show. */
struct json_object *upstream_json(const struct controller *c);
/* Every mount is told of it, as it is now. */
void upstream_tell(struct upstream *u);
/* It is not there, for this reason; a new one is logged and told. */
void upstream_set_why(struct upstream *u, const char *fmt, ...)
	printf_like(2, 3);

#endif
