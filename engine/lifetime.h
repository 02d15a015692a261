/*
 * lifetime.h: an engine that ends at a time that was known when it began
 * (--lifetime; the job of Slurm or PBS that it is). A while before, it asks to be given
 * no more tasks. At its end it leaves as one that is told to.
 */
#ifndef TASKFS_ENGINE_LIFETIME_H
#define TASKFS_ENGINE_LIFETIME_H

#include "base/loop.h"

struct config;
struct engine;

struct lifetime {
	struct timer step;
	bool drains;		/* it has asked */
};

/* Sets the time of the end in the configuration, which has what the command line says
 * (`lifetime`), from that or from the environment. Of a worker that is started again it
 * is the same. -EINVAL: said. */
int lifetime_read(struct config *c) must_check;
void lifetime_init(struct engine *e);
void lifetime_done(struct engine *e);
/* usec until its end, if it has one; 0: now. */
int64_t lifetime_left(const struct engine *e);

#endif
