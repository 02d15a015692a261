/*
 * removed.h: engines that were removed. They may still be there and beat; those that can
 * return are asked to register again.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_REMOVED_H
#define TASKFS_CONTROLLER_ENGINES_REMOVED_H

#include "model/engines.h"

void removed_init(struct controller *c);
void removed_done(struct controller *c);

/* The engine is removed; it registers again. */
void removed_add(struct engine *e);
void removed_forget(struct engine *e);
/* An engine with this uuid was removed, and can return. */
bool removed_has(const struct controller *c, struct bytes uuid);
/* It was told to stop, and could not hear that. */
bool removed_is_stopped(const struct controller *c, struct bytes uuid);
/* Somebody took the place of the engine, or the engine was given up. The engine cannot
 * know that, because it hears our pings: it is asked to register again. */
void removed_ask(struct controller *c, struct bytes uuid, bool by_line);

#endif
