/*
 * controller_json.h: the controller as JSON (doc/PROTOCOL.md, "Objects").
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_CONTROLLER_JSON_H
#define TASKFS_CONTROLLER_MOUNTS_CONTROLLER_JSON_H

#include "core/controller.h"

/* counters: with those of `metrics` too; they are not news. */
struct json_object *controller_json(const struct controller *c, bool counters);

#endif
