/*
 * result_json.h: results and tasks as JSON (doc/PROTOCOL.md, "Objects").
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_RESULT_JSON_H
#define TASKFS_CONTROLLER_MOUNTS_RESULT_JSON_H

#include "model/results.h"

/* Buffers of a message that grows with it; bytes are borrowed. */
struct attachments {
	struct bytes *b;
	unsigned n, room;
};

/* The members that the flags ask for; small outputs go into *at (may be NULL). */
struct json_object *result_json(const struct result *r, unsigned what,
				struct attachments *at);
/* One task in full, as in doc/PROTOCOL.md. */
struct json_object *task_json_full(const struct result *r, uint32_t index);

#endif
