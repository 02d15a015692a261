/*
 * pool.h: the pools of engines that the controller keeps, as far as the mirror
 * knows them.
 *
 * A pool is known by its name. Its number is this mount's: part of inode
 * numbers, and never given again while mounted, so that a new pool of an old
 * name is another directory.
 */
#ifndef TASKFS_FS_MIRROR_POOL_H
#define TASKFS_FS_MIRROR_POOL_H

#include "base/idlist.h"
#include "base/index.h"
#include "base/list.h"
#include "base/map.h"
#include "park/park.h"

/* At least the rows of pool_options[]. */
#define POOL_OPTIONS 16
#define POOLS_GONE_KEPT 64

struct mirror;

/* One run of the pool's launch command. */
struct launch {
	char *token, *state;
	char *job;		/* what the command printed; NULL: not known */
	int64_t count;		/* engines that were asked for */
	int64_t since;		/* time of day, usec */
	struct idlist engines;	/* that came of it */
};

struct pool {
	uint32_t id;
	uint64_t seq;		/* the last word about it */
	bool whole;		/* that word was a reply's */
	unsigned round;
	int64_t changed;	/* when an option was set, or it came; usec */
	char *state, *why;
	char *option[POOL_OPTIONS];	/* as they were set; NULL: not */
	struct launch *launch;
	size_t launches;
	struct idlist engines;
	int64_t wanted;		/* engines that tasks could use */
	struct waitq waitq;
	size_t n;		/* bytes of the name */
	char name[];
};

/* A pool that this mount makes or removes now: the kernel itself tells of it. */
struct own_pool {
	struct list link;
	const char *name;
};

struct pools {
	struct map by_name;
	struct index by_id;
	uint32_t last;
	struct list own;	/* struct own_pool */
	bool known;		/* the controller tells of pools */
	/* What is said of one as of then or before does not bring it back. */
	struct {
		char *name;
		uint64_t seq;
	} gone[POOLS_GONE_KEPT];
	unsigned ngone;
};

void pools_init(struct pools *ps);
/* At the end. */
void pools_done(struct mirror *m);

/* NULL: there is none. */
struct pool *pool_find(const struct mirror *m, struct bytes name);
struct pool *pool_get(const struct mirror *m, uint64_t id);
/* The first whose number is `from` or more; NULL: none. */
struct pool *pool_next(const struct mirror *m, uint64_t from);

/* So many of them are there: a pool may be told before its engines are. */
size_t pool_known_engines(const struct mirror *m, const struct idlist *ids);
/* For mirror.c: this one is there now. */
void pools_engine_came(struct mirror *m, uint64_t id);

/* For merge_pool.c. NULL: there are too many. */
struct pool *pool_add(struct mirror *m, struct bytes name);
void pool_remove(struct mirror *m, struct pool *p);
void pool_gone(struct mirror *m, struct bytes name, uint64_t seq);
/* A reply (`whole`) of the same number was made after the change. */
bool pool_was_gone(const struct mirror *m, struct bytes name, uint64_t seq,
		   bool whole);
void launches_done(struct launch *l, size_t n);
/* Another controller numbers anew. */
void pools_forget_numbers(struct mirror *m);

#endif
