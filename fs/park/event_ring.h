/*
 * event_ring.h: the last changes of the cluster, numbered.
 *
 * A ring of the last EVENTS_KEPT changes. Numbers have no gaps; they begin with
 * the time of the mount (in 1/10000 s), so that those of a later mount are higher.
 * The file `events` shows them (cluster/events.h).
 */
#ifndef TASKFS_FS_PARK_EVENT_RING_H
#define TASKFS_FS_PARK_EVENT_RING_H

#include "base/base.h"
#include "park.h"

#define EVENTS_KEPT 16384

/* So much of a name fits a line of `events`. */
#define EVENT_NAME 29

enum event_of {
	EVENT_OF_RESULT,
	EVENT_OF_ENGINE,
	EVENT_OF_CONTROLLER,
	EVENT_OF_POOL,
	EVENT_OF_LAUNCH,	/* of a pool */
};

struct event {
	uint64_t id;
	enum event_of of;
	char word[12];
	char name[EVENT_NAME + 1]; /* of a pool or launch; else "" */
};

struct event_ring {
	struct park *park;
	struct event *ring;
	uint64_t first;		/* the number of this mount's first */
	uint64_t next;		/* the number of the next one */
	unsigned placed;	/* open files `events` whose end was asked for */
	struct waitq waitq;
};

void event_ring_init(struct event_ring *ev, struct park *park);
void event_ring_done(struct event_ring *ev);
/* word: what it is now; longer ones are cut to 11 bytes. */
void event_ring_add(struct event_ring *ev, enum event_of of, uint64_t id,
		    const char *word);
/* The same of what has a name. Of one that is too long the middle is left out. */
void event_ring_add_named(struct event_ring *ev, enum event_of of,
			  const char *name, const char *word);
/* The number of the oldest there is; `next` when there is none. */
uint64_t event_ring_oldest(const struct event_ring *ev);
/* The event of a number from the oldest to `next` - 1. */
const struct event *event_ring_get(const struct event_ring *ev, uint64_t n);

#endif
