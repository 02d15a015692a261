/*
 * control.h: what a writer wants of the controller (abort, signal, purge),
 * asked with a control_request; the kernel's request waits for its answer.
 */
#ifndef TASKFS_FS_CONTROL_H
#define TASKFS_FS_CONTROL_H

#include "nodes.h"

/*
 * Asks for the wish about the result of o and answers req: with `written` as
 * the bytes of a WRITE, or with success (written 0).
 */
void control_ask(struct fs *fs, fuse_req_t req, const struct obj *o,
		 const struct wish *wish, size_t written);

#endif
