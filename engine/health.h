/*
 * health.h: whether this engine can run tasks at all. One whose disk is full, or
 * that cannot make a process, fails every task it is given, at once, and so is
 * given the next.
 *
 * A task that fails for such a reason is a fault of the engine. Of so many in a
 * row the controller is told (`drain`), which gives the engine no more; an
 * administrator restarts it, or says resume.
 */
#ifndef TASKFS_HEALTH_H
#define TASKFS_HEALTH_H

#include "base/log.h"

struct engine;
struct task;

struct health {
	unsigned faults;	/* in a row */
	char *why;		/* to be told; or NULL */
	struct log_limit often;
};

void health_done(struct engine *e);
/* A task that had begun has ended; nobody was told yet. */
void health_note(struct engine *e, const struct task *t);
/* The engine is to be given no more tasks. Takes why. */
void health_drain(struct engine *e, char *why);
/* What is to be told, if it can be now: before the end of that task. */
void health_tell(struct engine *e);

#endif
