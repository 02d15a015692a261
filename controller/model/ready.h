/*
 * ready.h: the results that have a task to hand out: by priority, then by id.
 */
#ifndef TASKFS_CONTROLLER_MODEL_READY_H
#define TASKFS_CONTROLLER_MODEL_READY_H

#include "results.h"

/*
 * Results of one priority and of one kind of request, first come first. Where the first
 * of a line finds no engine, no other of it does: unless each is to be asked for itself.
 */
struct line {
	struct list link;
	struct needs *needs;
	struct queue *queue;	/* of its results; NULL: none */
	struct line_key {
		uintptr_t needs, queue;
	} key;
	bool each;
	bool bound;	/* only engines that are there already can have them */
	struct list results;	/* by ready_link */
	struct list *at;	/* the scheduler's: whose turn it is; NULL: nobody's */
};

struct bucket {
	struct list link;
	int64_t priority;
	struct list lines;
	struct map line;	/* line.key, as bytes -> struct line */
};

struct ready {
	struct list buckets;	/* highest priority first */
	/* Ids of results: whether there is an engine for them is to be looked at. */
	uint64_t *unchecked;
	size_t nunchecked, unchecked_room;
	/* Wakes who looks at what is ready. NULL: nobody does. */
	void (*wake)(struct controller *c);
	/* Hears that some are left for which there is no engine now. NULL: nobody. */
	void (*waits)(struct controller *c);
	/* Appends to what r waits for whether more engines are started that could run
	 * it. NULL: nobody starts any. */
	void (*started)(const struct result *r, struct buf *out);
};

void ready_init(struct controller *c);
void ready_done(struct controller *c);
/* The result has a task to hand out (again). */
void ready_add(struct result *r);
/* The result has none any more. */
void ready_remove(struct result *r);
/* Nothing of the line, of the bucket is ready: it goes. */
void line_drop(struct bucket *b, struct line *line);
void bucket_drop(struct bucket *b);

/* The result is not given to this engine any more. */
void result_avoid(struct result *r, int64_t engine);
bool result_avoids(const struct result *r, int64_t engine);

/* Whether id is among the n ids. */
bool is_one_of(const int64_t *ids, size_t n, int64_t id);

#endif
