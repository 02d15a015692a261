/*
 * group.h: the tasks of a map or view; struct task has each in short.
 *
 * A group belongs to its result (result.group). Its tasks are told by
 * `changes`, or read in blocks (load.h) when those do not say all: after a
 * filling. Each block knows as of which number it was read, so that a change
 * that is older never overwrites what is newer; one that comes while its
 * block is not there yet makes an older answer worthless.
 *
 * A task that has ended never changes. The order in which that became known
 * is kept (by time, as far as it became known together); it only grows.
 */
#ifndef TASKFS_FS_MIRROR_GROUP_H
#define TASKFS_FS_MIRROR_GROUP_H

#include "mirror.h"
#include "offsets.h"

/* Tasks read at once; LIMIT_TASKS of them are 123 questions. */
#define GROUP_BLOCK 8192U
/* Those that failed, of which is told: the first. */
#define GROUP_ERRORS 4

struct block {
	struct task *task;	/* NULL: none of them was begun, or is held */
	uint64_t seq;		/* of the answer it was read from */
	uint64_t missed;	/* of the last change it should have had */
	bool known;
	struct usage *usage;	/* of each task; NULL: of none it is known */
	uint32_t lines;		/* bytes of results/table.c's lines but for the
				   items; 0: they are to be counted (again) */
};

/* How many of the tasks an engine has, or had last. */
struct share {
	int32_t engine;
	uint32_t n;
};

struct group {
	struct mirror *mirror;
	struct result *result;
	uint32_t n;
	struct block *block;
	/*
	 * Of each block where in the map the items of its tasks begin, and
	 * where those of the last of them end; NULL: nobody has asked. It
	 * never changes. NULL as a whole: nobody has asked of any.
	 */
	uint32_t **items;
	/* Of each block how long the items of its tasks are as fields of lines, with
	   the ends of the lines; NULL: nobody has asked. */
	uint64_t *grown;
	uint32_t nblocks, unknown;	/* blocks */
	struct list unread;	/* mirror->unread, while any is unknown */
	uint32_t *done;		/* the tasks that ended, in that order */
	uint32_t ndone, done_room;
	struct share *share;	/* by engine */
	uint32_t nshares;
	uint32_t failed[GROUP_ERRORS], nfailed; /* the first, in order */
	bool seen;		/* somebody looked into their directory */
	uint64_t tries;		/* begun, of all of them */
	uint64_t exit_digits, attempt_digits; /* of results/task_lines.c's texts */
	struct offsets offsets[OFFSETS];
	struct map waiting;	/* index -> struct waitq of that task's files */
	struct map details;	/* index -> struct kept_detail, see detail.h */
};

struct group *group_new(struct mirror *m, struct result *r, uint32_t n);
void group_free(struct group *g);
/* There are n tasks now, which are no fewer. The new ones wait. */
void group_grow(struct group *g, uint32_t n);

/* Everything about its tasks is known. */
static inline bool group_is_known(const struct group *g)
{
	return !g->unknown;
}

/* How many tasks are in a block. */
static inline uint32_t group_block_size(const struct group *g, uint32_t block)
{
	uint32_t left = g->n - block * GROUP_BLOCK;

	return left < GROUP_BLOCK ? left : GROUP_BLOCK;
}

/* One that was not begun. */
static const struct task task_fresh = {
	.engine = -1,
	.exit_status = -1,
	.signal = -1,
	.state = STATE_PENDING,
};

/* Task i; until the next change of one. */
static inline const struct task *group_task(const struct group *g, uint32_t i)
{
	const struct block *b = &g->block[i / GROUP_BLOCK];

	return b->task ? &b->task[i % GROUP_BLOCK] : &task_fresh;
}

struct usage group_usage(const struct group *g, uint32_t i);

/* Where the items of task i begin, and behind it where they end; NULL: not known. */
const uint32_t *group_items(const struct group *g, uint32_t i);
/* Those of a block, copied: one more than it has tasks. */
void group_set_items(struct group *g, uint32_t block, const uint32_t *at);
/* Of all blocks; takes it over. */
void group_set_grown(struct group *g, uint64_t *grown);

/* Task i is this now, as of seq. */
void group_change(struct group *g, uint32_t i, const struct task *t,
		  const struct usage *u, uint64_t seq);
/* A block as of seq; false: it has to be read again. */
bool group_fill(struct group *g, uint32_t block, const struct task *t,
		const struct usage *u, uint32_t n, uint64_t seq) must_check;
/* All from `from` on ended so; they never began. */
struct rest {
	uint32_t from;
	enum state state;
	int64_t when, elapsed;	/* time of day; usec since the submission */
	bool timed_out;
};
void group_end_rest(struct group *g, const struct rest *rest, uint64_t seq);
/* More may have happened than was told: what has not ended is unknown. */
void group_doubt(struct group *g, uint64_t seq);

/* By the time of their end. */
void group_sort(const struct group *g, uint32_t *index, uint32_t n);
/* The first tasks that failed; returns how many, GROUP_ERRORS at most. */
uint32_t group_failed(const struct group *g, uint32_t ret_i[GROUP_ERRORS]);
/* Another controller counts: what it says is newer than all before. */
void group_forget_numbers(struct group *g);
/* What changes when task i does. */
struct waitq *group_waitq(struct group *g, uint32_t i);
/* Of the first engine with that id or a higher one; NULL: there is none. */
const struct share *group_share(const struct group *g, int64_t engine);

#endif
