/*
 * members.h: the engines that launches of pools have started.
 */
#ifndef TASKFS_CONTROLLER_POOLS_MEMBERS_H
#define TASKFS_CONTROLLER_POOLS_MEMBERS_H

#include "pool.h"

/* NULL: no pool has started the engine. */
struct member *member_of(const struct engine *e);
/* here: it has registered now; or it was there before the controller started. */
struct member *member_new(struct launch *l, struct engine *e, bool here);
void member_free(struct member *m);

/* It could take a task, and has none. */
bool member_is_free(const struct member *m);
/* It has had none for so long (microseconds). */
bool member_is_idle(const struct member *m, uint64_t usec);
/* Nothing was heard of it since the controller began, or it has just registered. */
bool member_is_fresh(const struct member *m);
/* It was there for so long, or has ended a task, that it works. */
bool member_works(struct member *m);

/* It gets no task any more, and is told to end; again after a while, if it has not. m may
 * be gone then. */
void member_stop(struct member *m, const char *why);
void members_stop(struct launch *l, const char *why);
/* Of those that are lost so many are not waited for: there is no job any more that had them.
 * Returns how many there were. */
uint64_t members_forget_lost(struct launch *l, uint64_t most);
/* n of the pool that have been idle for so long; then others that are free. */
void members_let_go(struct pool *p, uint64_t n, uint64_t idle);

#endif
