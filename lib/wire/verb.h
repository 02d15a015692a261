/*
 * verb.h: the words that can be written to a file ctl: one table, which the mount
 * checks them by and the controller looks them up in. How a verb is carried out
 * stands beside its handler (controller/mounts/control.c and queues.c, engines/orders.c,
 * pools/requests.c).
 */
#ifndef TASKFS_VERB_H
#define TASKFS_VERB_H

#include "base/base.h"

/* Which ctl takes the word. */
enum verb_scope {
	VERB_RESULT = 1,	/* of a result */
	VERB_TASK = 2,		/* of one of its tasks */
	VERB_ENGINE = 4,	/* of an engine, or of several */
	VERB_CONTROLLER = 8,	/* of the controller: about everything */
	VERB_POOL = 16,		/* of a pool */
	VERB_QUEUE = 32,	/* of a queue */
};

/* When what it is about can do it. */
enum verb_when {
	VERB_ALWAYS,
	VERB_BEFORE_END,	/* of the result or task */
	VERB_AFTER_END,
	VERB_WHILE_RUNNING,	/* the engine runs a task */
};

struct verb {
	const char *name;
	unsigned scopes;	/* of enum verb_scope */
	enum verb_when when;
	const char *argument;	/* as a reader of ctl sees it; NULL: none.
				 * In [] when it may be left out: check() allows that */
	const char *what;	/* the argument is; of who has one */
	int (*check)(struct bytes argument);	/* 0 or -errno; if it has one */
};

/* The table, in the order of a read of ctl; a row without name ends it. */
extern const struct verb verbs[];
/* The verb of that name for one of `scopes`; NULL: there is none. */
const struct verb *verb_find(unsigned scopes, struct bytes name);

#endif
