/*
 * requests.h: the table of messages an engine understands. Others are a
 * kernel's (kernel.h).
 */
#ifndef TASKFS_REQUESTS_H
#define TASKFS_REQUESTS_H

#include "link.h"

/* Of struct link_ops: message, refuse, can_send. */
void requests_handle(struct engine *e, enum channel c, struct msg *m);
void requests_refuse(struct engine *e, enum channel c, struct msg *m);
void requests_can_send(struct engine *e);

#endif
