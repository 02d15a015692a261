/*
 * leave.h: that the engine ends. Anybody may say so; worker.c does what is to be
 * done, at the end of the turn: it ends the running tasks, says goodbye to the
 * controller, and stops the loop.
 */
#ifndef TASKFS_ENGINE_LEAVE_H
#define TASKFS_ENGINE_LEAVE_H

#include "base/loop.h"

struct engine;

/* What an engine's process ends with, besides enum exit_code. */
enum engine_exit {
	EXIT_NO_CONTROLLER = 3,	/* it did not come in */
	EXIT_LOST = 4,		/* the controller is gone for too long */
	EXIT_RESTART = 99,	/* a worker's to its guard: another one */
};

struct leave {
	bool on;		/* nothing begins any more, nothing is sent */
	bool at_once;		/* it was said twice: tasks are killed */
	int exit_code;
	const char *why;	/* for the controller; static, or NULL */
	struct work work;	/* worker.c's */
	struct timer patience;	/* worker.c's: tasks take their time */
};

/* The engine ends with this code. */
void leave_begin(struct engine *e, int code);
/* A task that ran when the engine was told to end has ended. */
void leave_go_on(struct engine *e);

#endif
