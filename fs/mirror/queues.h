/*
 * queues.h: the queues of the controller. What it says of itself has all of them each
 * time. A queue is known by its name; its number, part of inode numbers, is this mount's.
 */
#ifndef TASKFS_FS_MIRROR_QUEUES_H
#define TASKFS_FS_MIRROR_QUEUES_H

#include "numbered.h"

struct mirror;

struct queue {
	char *name;
	int64_t limit, waiting, running;
	bool paused;
};

struct queues {
	struct queue *of;	/* by name */
	size_t n;
	bool known;		/* the controller tells of queues */
	struct numbered numbers;
};

void queues_init(struct queues *qs);
void queues_done(struct queues *qs);
/* For merge.c: a list of the protocol (doc/PROTOCOL.md). */
void queues_set(struct mirror *m, struct bytes list);
/* NULL: there is none. */
const struct queue *queue_find(const struct queues *qs, struct bytes name);
const struct queue *queue_get(struct queues *qs, uint32_t number);

#endif
