/*
 * vars_queue.h: requests about variables, which may bring and ask for a lot: those wait
 * here while the channel for their answers is full.
 */
#ifndef TASKFS_ENGINE_VARS_QUEUE_H
#define TASKFS_ENGINE_VARS_QUEUE_H

#include "base/list.h"
#include "link.h"

struct vars_queue {
	struct list all;	/* messages that wait, the oldest first */
	size_t n;
};

void vars_queue_init(struct engine *e);
void vars_queue_done(struct engine *e);

/* A request to push, pull, list, remove or rename: it is handled now, or waits. */
void vars_queue_add(struct engine *e, enum channel c, struct msg *m);
/* The channel may take more. */
void vars_queue_go_on(struct engine *e);

#endif
