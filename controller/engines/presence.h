/*
 * presence.h: engines come and go.
 *
 * An engine that is not heard any more is given up: what it ran ends, and clients of
 * ipyparallel hear that it is gone. But it is kept as `lost`, with its id, for
 * --keep-id: what names it waits for it.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_PRESENCE_H
#define TASKFS_CONTROLLER_ENGINES_PRESENCE_H

#include "model/engines.h"

/* The heart of the engine was heard: everybody is told. */
void engine_joined(struct engine *e);
/* The state of the engine, or what it waits for, is another: also who waits for it
 * is told. */
void engine_turned(struct engine *e);
/* All are told that the engine is gone; what it ran ends. */
void engine_give_up(struct engine *e);

/*
 * An engine of the upstream controller is there; one that had its id, or the
 * same engine under another id, is gone.
 */
void engine_adopt(struct controller *c, int64_t id, const char *uuid);

/* The engine has said that it ends: it gets no more tasks. */
void engine_leaves(struct engine *e);
/* The engine is gone: clients and mounts are told, and its runs end. */
void engine_remove(struct engine *e, const char *why);

#endif
