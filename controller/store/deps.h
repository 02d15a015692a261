/*
 * deps.h: what a result waits for, and how the store has it as a text:
 * "12:ok:after 13:any:follow:met:2" (2: the engine to follow to; -1: none).
 */
#ifndef TASKFS_CONTROLLER_STORE_DEPS_H
#define TASKFS_CONTROLLER_STORE_DEPS_H

#include "base/buf.h"

enum dep_ending { ON_OK, ON_ERROR, ON_ANY, ON_FAIL /* or aborted */ };
struct dep {
	uint64_t id;
	uint8_t on;	/* enum dep_ending */
	bool follow, met;
	bool any;	/* one of all such is enough */
	bool failed;	/* of any: it cannot be met */
	int64_t engine;	/* of follow, when it is met */
};

/* Of a result's word ("error"); -1: there is no such ending. */
int dep_ending_parse(struct bytes text);

void dep_put(struct buf *b, const struct dep *d);
/* The next of a text. 1; 0: that was all; -EINVAL: it is damaged. */
int dep_next(struct bytes *text, struct dep *ret_d) must_check;
/* All of it can be read. NULL: none. */
bool deps_are_good(const char *text);

#endif
