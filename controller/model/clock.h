/*
 * clock.h: the steady time of the cluster: microseconds that nobody sets, for
 * whatever is measured (how long ago a result was submitted, say). Times of day
 * are only shown.
 *
 * It goes on while the controller is away, also while the machine sleeps. How
 * long a machine was off only the time of day can say: after that it goes on
 * from there, but never back.
 */
#ifndef TASKFS_CONTROLLER_MODEL_CLOCK_H
#define TASKFS_CONTROLLER_MODEL_CLOCK_H

#include "core/controller.h"

/* Called before anything is loaded; the store is open. */
void clock_init(struct controller *c);
/* Something that is stored happened then: now is not earlier. */
void clock_not_before(struct controller *c, int64_t then);
/* All is loaded: keeps the clock for the next start. */
void clock_keep(struct controller *c);

int64_t clock_now(const struct controller *c);

#endif
