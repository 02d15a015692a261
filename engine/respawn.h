/*
 * respawn.h: how long the guard waits before it starts a worker again that died
 * (--respawn): longer each time, but not for ever, and from the beginning after a
 * worker that lived long.
 */
#ifndef TASKFS_ENGINE_RESPAWN_H
#define TASKFS_ENGINE_RESPAWN_H

#include "base/base.h"

/* The pauses: the first; the longest. */
#define RESPAWN_FIRST (200 * USEC_PER_MSEC)
#define RESPAWN_LONGEST (60 * USEC_PER_SEC)
/* A worker that lived so long did not die of its start. */
#define RESPAWN_LIVED (300 * USEC_PER_SEC)

struct respawn {
	unsigned deaths;	/* in a row, each after a short life */
};

/* The worker has died, and had lived for so many usec. How long to wait now. */
uint64_t respawn_pause(struct respawn *r, uint64_t lived);

#endif
