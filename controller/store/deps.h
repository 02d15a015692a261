/*
 * deps.h: what a result waits for, and the text of that in the store:
 * "12:ok:after 13:any:follow:met:2" (2 is the engine where 13 ran; -1: none).
 */
#ifndef TASKFS_CONTROLLER_STORE_DEPS_H
#define TASKFS_CONTROLLER_STORE_DEPS_H

#include "base/buf.h"

enum dep_ending { ON_OK, ON_ERROR, ON_ANY, ON_FAIL /* or aborted */ };
struct dep {
	uint64_t id;	/* of the other result */
	uint8_t on;	/* enum dep_ending: how that has to end */
	bool follow, met;
	bool any;	/* it is enough that one of all such is met */
	bool failed;	/* with `any`: this one cannot be met */
	int64_t engine;	/* where the other result ran, when it is met; -1: none */
};

/* An ending by its word ("error"); -1: there is no such ending. */
int dep_ending_parse(struct bytes text);

/* Appends one to a text. */
void dep_put(struct buf *b, const struct dep *d);
/* Takes the next one from a text. 1; 0: there is none; -EINVAL: the text is damaged. */
int dep_next(struct bytes *text, struct dep *ret_d) must_check;
/* All of the text can be read. NULL is a text of none. */
bool deps_are_good(const char *text);

#endif
