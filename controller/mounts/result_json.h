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

/*
 * The members that the flags ask for, without the braces; small outputs go into *at
 * (may be NULL).
 */
void result_put_members(const struct result *r, unsigned what,
			struct attachments *at, struct buf *out);
/* The whole result, without outputs. */
void result_put_json(const struct result *r, struct buf *out);
/* One task in full, as in doc/PROTOCOL.md. */
void task_put_json(const struct result *r, uint32_t index, struct buf *out);

#endif
