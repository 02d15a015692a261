/*
 * queues.h: queues, which say how many of their tasks run at the same time.
 *
 * An unfinished result is in one queue, or in none (r->queue). A queue is there while a
 * result, or a run, is in it.
 */
#ifndef TASKFS_CONTROLLER_MODEL_QUEUES_H
#define TASKFS_CONTROLLER_MODEL_QUEUES_H

#include "results.h"

struct queue {
	struct controller *c;
	struct list link;		/* queues.all */
	char *name;
	uint64_t limit;			/* 0: none */
	bool paused;			/* nothing of it is begun */
	bool removing;			/* that it goes is being stored */
	uint64_t results;		/* unfinished ones */
	uint64_t active;		/* their runs, until their ends are stored */
	uint64_t count[STATES];		/* their tasks */
};

struct queues {
	struct list all;		/* by name */
	struct map by_name;		/* -> struct queue */
};

void queues_init(struct controller *c);
void queues_done(struct controller *c);
/* Those that are stored. */
void queues_load(struct controller *c);
/* All of them for the store, as STORE_META; the caller puts it. */
struct store_op *queues_store_op(const struct controller *c);

struct queue *queue_find(const struct controller *c, struct bytes name);
/* There is none of that name. */
struct queue *queue_new(struct controller *c, struct bytes name);
/* Nothing is in it. */
void queue_free(struct queue *q);

/* So many more of its tasks may begin now; of NULL: any number. */
uint64_t queue_room(const struct queue *q);
/* The result is in it, or in none any more. q may be NULL. */
void queue_join(struct result *r, struct queue *q);
void queue_leave(struct result *r);
/* Tasks of the result changed from a state (STATE_NONE: they are new) to another one. */
void queue_count(struct result *r, enum state from, enum state to, uint64_t n);
/* The option queue names one that is there: 0, or -EINVAL with the reason in *why. */
int queue_check(const struct controller *c, struct json_object *options,
		struct buf *why) must_check;

#endif
