/*
 * pool_ask.h: a pool_request on its way. Its answer is in the mirror before
 * whoever waits for it goes on.
 */
#ifndef TASKFS_FS_POOLS_POOL_ASK_H
#define TASKFS_FS_POOLS_POOL_ASK_H

#include "link/request.h"
#include "mirror/pool.h"
#include "park/caller.h"
#include "tree/node.h"
#include "wire/json.h"

struct pool_ask {
	struct request q;
	struct fs *fs;
	char *name;		/* of the pool */
	const char *what;	/* is asked for: "make", "set" or "remove" */
	struct process who;	/* to be told why not */
	struct own_pool own;	/* while the kernel itself tells of it */
	/* Once; a is the asker's again. 0 or -errno, which tasks/error
	   explains. */
	void (*done)(struct pool_ask *a, int err);
};

/*
 * Whether there can be pools at all: 0, or -EHOSTDOWN (no controller),
 * -EOPNOTSUPP (it has none), which the thread is told.
 */
int pool_ask_possible(struct fs *fs, pid_t tid);

/*
 * Asks for {"pool": name, a->what: value} for a user; value is taken over. a's fs,
 * what, who and done are set. quiet: the kernel tells of what comes of it.
 * -errno, which tasks/error explains: done() is not called.
 */
int pool_ask(struct pool_ask *a, struct bytes name, struct json_object *value,
	     uid_t uid, bool quiet) must_check;

#endif
