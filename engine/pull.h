/*
 * pull.h: pieces of variables (pull_request). The first piece names the value
 * it is of; a later one is of the same value, also when another has taken its
 * name (as long as few are read at a time), or it is ESTALE.
 */
#ifndef TASKFS_ENGINE_PULL_H
#define TASKFS_ENGINE_PULL_H

#include "wire/limits.h"
#include "wire/msg.h"

struct engine;

/* Open values: those that were read last, not yet to their ends. */
#define PULL_OPEN 32
#define PULL_VERSION 80

struct pulls {
	struct pull_open {
		int fd;		/* used == 0: none */
		uint64_t used;	/* a number that grows */
		char name[LIMIT_NAME + 1];
		char version[PULL_VERSION];
	} open[PULL_OPEN];
	uint64_t used;
	struct buf piece;
};

void pulls_done(struct engine *e);
/* Handler of a request on the control channel. */
void pull_request(struct engine *e, struct msg *m);

#endif
