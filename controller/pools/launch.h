/*
 * launch.h: the life of a launch: it is stored, its command runs, its engines are waited
 * for, it is checked and cancelled, it ends.
 */
#ifndef TASKFS_CONTROLLER_POOLS_LAUNCH_H
#define TASKFS_CONTROLLER_POOLS_LAUNCH_H

#include "pool.h"

/* One more, for so many engines: its command runs as soon as it is stored. */
void launch_begin(struct pool *p, uint64_t count);
/* It ends: its command cancel runs, and its engines end. Again: that is tried at once. */
void launch_cancel(struct launch *l);
/* An engine says this token, of a launch that is not known (any more): it is made anew. NULL:
 * it is of no pool that there is. */
struct launch *launch_adopt(struct controller *c, const char *token);
/* An engine of it has registered. */
void launch_joined(struct launch *l);
/* Does what is due, by now; l may be gone then. */
void launch_tend(struct launch *l);
/* It was found in the store at the start. */
void launch_resume(struct launch *l);
/* No more commands can be run now. */
bool launches_busy(const struct controller *c);

#endif
