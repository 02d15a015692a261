/*
 * intake.h: when more is taken in: what comes is stored, and the store may have too
 * much to write.
 */
#ifndef TASKFS_CONTROLLER_NET_INTAKE_H
#define TASKFS_CONTROLLER_NET_INTAKE_H

#include "core/controller.h"

/* feed: reads from each socket, or reads no more; it is called when the answer may be
 * another. */
void intake_init(struct controller *c, void (*feed)(struct controller *c));
void intake_done(struct controller *c);
/* Something was taken in that is stored: more may have to wait. */
void intake_check(struct controller *c);
/* Something else that decides has changed: heeded at the end of the turn (after
 * intake_done(): never), or now. */
void intake_again(struct controller *c);
void intake_now(struct controller *c);
/* Nothing is taken in: what came may not have been read. */
bool intake_is_paused(const struct controller *c);
/* All that came usec microseconds ago, or before, was read. */
bool intake_has_read(const struct controller *c, uint64_t usec);

#endif
