/*
 * control.h: what a writer wants done to a result, a task or a pool (a
 * control_request), to engines (an engine_control_request) or to all; the
 * kernel's request waits for the answer.
 */
#ifndef TASKFS_FS_OPEN_CONTROL_H
#define TASKFS_FS_OPEN_CONTROL_H

#include "tree/node.h"

/*
 * Asks for the wish about the engines it names, or else about o's result, task or pool,
 * and answers req: with `written` as the bytes of a WRITE, or with success
 * (written 0).
 */
void control_ask(struct fs *fs, fuse_req_t req, const struct obj *o,
		 const struct wish *wish, size_t written);

#endif
