/*
 * control_reply.h: the answer to a control_request.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_CONTROL_REPLY_H
#define TASKFS_CONTROLLER_MOUNTS_CONTROL_REPLY_H

#include "net/request.h"

/*
 * Answers with the result as it is now, or with why the order was not carried out. why:
 * a sentence, or NULL for the usual one of that error.
 */
void control_done(struct request *rq, int err, const char *why);

#endif
