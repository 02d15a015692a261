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

/*
 * Requests about variables, which may bring and ask for a lot: those wait here
 * while the channel for their answers is full.
 */
#define LIMIT_LATER 256
struct later {
	struct list all;
	size_t n;
};
void later_init(struct engine *e);
void later_done(struct engine *e);

#endif
