/*
 * requests.h: the table of messages an engine understands. Others are logged
 * and ignored.
 */
#ifndef TASKFS_REQUESTS_H
#define TASKFS_REQUESTS_H

#include "link.h"

/* m stays the caller's, but what it holds may have been taken out of it. */
void requests_handle(struct engine *e, enum channel c, struct msg *m);
/* A channel that was full (or not connected) may take more. */
void requests_can_send(struct engine *e);

#endif
