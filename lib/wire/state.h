/*
 * state.h: what a task, and a result of one or many tasks, can be.
 *
 * The words are the user's; a state changes in one function (state_next) from
 * one table.
 */
#ifndef TASKFS_STATE_H
#define TASKFS_STATE_H

#include "base/base.h"

enum state {
	STATE_NONE,	/* no such state: what state_next() says to nonsense */
	STATE_PENDING,
	STATE_RUNNING,
	STATE_OK,
	STATE_ERROR,
	STATE_ABORTED,
	STATES,
};

enum state_event {
	EVENT_START,	/* given to an engine */
	EVENT_SUCCEED,
	EVENT_FAIL,
	EVENT_ABORT,
	EVENT_REQUEUE,	/* to be run again: retries left, or it never began */
	STATE_EVENTS,
};

/* STATE_NONE: that cannot happen in this state. */
enum state state_next(enum state s, enum state_event e);
/* "pending", "running", "ok", "error", "aborted". */
const char *state_name(enum state s);
/* STATE_NONE for any other word; s may be NULL. */
enum state state_parse(const char *s);
/* ok, error, aborted: nothing changes any more. */
bool state_is_final(enum state s);

/*
 * The state of a result from how many of its tasks are in each state:
 * running once any task has begun; final when all are: error if any failed,
 * else aborted if any was, else ok.
 */
enum state state_of(const uint64_t count[STATES]);

#endif
