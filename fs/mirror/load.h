/*
 * load.h: what the changes do not tell of the tasks of maps, read with
 * tasks_request: whole blocks in the background, those somebody looks at
 * first; the long texts of one task; and which of the map's items are those of
 * which task, for a block of tasks at once.
 *
 * This is the one place where metadata may have to wait (open/await.h): of a map
 * whose tasks are being read after a filling, and of a task whose texts, or
 * items, nobody has asked for yet.
 */
#ifndef TASKFS_FS_MIRROR_LOAD_H
#define TASKFS_FS_MIRROR_LOAD_H

#include "link/link.h"
#include "mirror.h"

/* How long somebody who looks waits for an answer. */
#define LOAD_PATIENCE (2 * USEC_PER_SEC)
/* Questions about one task at the same time. */
#define LOAD_DETAILS 256

struct group;

struct load {
	struct link *link;
	struct mirror *mirror;
	struct request block;	/* one at a time */
	uint64_t id;		/* of what result, which block */
	uint32_t number;
	uint32_t tasks;		/* that it had when that was asked */
	uint64_t block_at;	/* when the last came, mono_usec() */
	struct list details;	/* struct detail_ask */
	unsigned ndetails;
	struct waitq waitq;	/* woken when something arrived */
	void (*arrived)(void *arg);	/* the same */
	void *arrived_arg;
};

void load_init(struct load *l, struct link *link, struct mirror *m);
void load_done(struct load *l);
/* There may be something to be read, and somebody to ask. */
void load_go(struct load *l);
/*
 * 0: it is all here. -EINPROGRESS: it is not; with `ask` it was asked for: when
 * something came the waitq is woken and arrived() called. -errno: it cannot be had.
 */
int load_tasks(struct load *l, struct group *g, bool ask) must_check;
int load_detail(struct load *l, struct group *g, uint32_t i, bool ask)
	must_check;
/* The same of which items the task has; -ENOENT: this controller does not tell. */
int load_items(struct load *l, struct group *g, uint32_t i, bool ask)
	must_check;
/* The same of how long the items of each block are as fields of lines. */
int load_blocks(struct load *l, struct group *g, bool ask) must_check;

#endif
