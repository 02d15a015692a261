/*
 * kinds.h: requests for variables, by the kind of engine that gets them: ours, which
 * answer at any time, and ipyparallel's own, which answer between their tasks.
 */
#ifndef TASKFS_CONTROLLER_VARS_KINDS_H
#define TASKFS_CONTROLLER_VARS_KINDS_H

#include "model/engines.h"

struct forward;

struct vars_ops {
	/* Why an engine that is there cannot be asked: -errno, and the end of a sentence
	 * that begins with the engine. 0: it can be asked. NULL: it always can. */
	int (*refusal)(const struct forward *f, const struct engine *e,
		       struct buf *why);
	/* Sends the request m to the engine. -errno: it cannot be reached. */
	int (*send)(struct forward *f, struct engine *e, const struct msg *m);
	/* Answers the request with m, the engine's answer; frees f->rq. */
	void (*answer)(struct forward *f, struct engine *e, struct msg *m);
};

/* Appends why an engine cannot be asked; returns err. */
int vars_refuse(struct buf *why, int err, const char *text);

extern const struct vars_ops vars_ops_ours;
extern const struct vars_ops vars_ops_ipython;

/* The engine works on something, and answers when that has ended. One that runs
 * scripts of the shell answers at any time. */
bool vars_engine_is_busy(const struct engine *e);

#endif
