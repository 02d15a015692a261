/*
 * listener.h: what an engine publishes on iopub while it runs one task: which message
 * says what. What follows from it, who listens says.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_LISTENER_H
#define TASKFS_CONTROLLER_IPYTHON_LISTENER_H

#include "wire/messages.h"
#include "wire/msg.h"
#include "wire/stream.h"

/* `task` is what the listener keeps of the task. A function may be NULL. */
struct listener {
	/* The engine begins to work on it; it is done with it. */
	void (*busy)(void *task);
	void (*idle)(void *task);
	/* It runs the task's own code, which m repeats. */
	void (*code)(void *task, const struct msg *m);
	/* More of stdout or stderr. */
	void (*output)(void *task, enum stream s, struct bytes text);
	/* Its value, and what it shows; text: as plain text (p is NULL: not so). */
	void (*value)(void *task, const struct msg *m, struct bytes text);
	void (*display)(void *task, const struct msg *m, struct bytes text);
	/* It failed. */
	void (*error)(void *task, const struct msg *m);
};

/* Whether any listener would hear it. */
bool listener_knows(const struct msg *m);
/* The content of m is parsed. */
void listener_hear(const struct listener *l, void *task, struct msg *m);
/* m says that an engine's state is this now: "busy", "idle". */
bool iopub_says(const struct msg *m, const char *state);

#endif
