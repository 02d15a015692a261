/*
 * ahead.h: tasks that the controller has sent before there is a slot for them. Until it
 * begins such a task, the engine can give it back: it says so, and never begins it.
 * It does so when it is asked to; and by itself when none of them could begin for a
 * while, since another engine may be free. What has begun the guard can tell, should
 * this process be killed (guard.h).
 */
#ifndef TASKFS_ENGINE_AHEAD_H
#define TASKFS_ENGINE_AHEAD_H

#include "task.h"

struct ahead {
	struct timer timer;
	uint64_t begun;		/* mono_usec(): when a task began last */
};

void ahead_init(struct engine *e);
void ahead_done(struct engine *e);
/* The task has arrived, and waits. */
void ahead_arrived(struct task *t);
/* The task begins now, and cannot be given back any more. */
void ahead_begins(const struct task *t);
/* Gives the task back, if it was sent ahead and waits. False: it was not, or that cannot
 * be said now. */
bool ahead_give_back(struct task *t);

#endif
