/*
 * engine_parts.h: between the files that see to engines.
 *
 *	engines.c	what there is: coming, going, what is told of it
 *	registration.c	how they come
 *	heart.c		whether they are alive
 *	away.c		those that are not heard: lost, back, forgotten
 */
#ifndef TASKFS_ENGINE_PARTS_H
#define TASKFS_ENGINE_PARTS_H

#include "engines.h"

#define LIMIT_UUID 255

struct engine *engine_new(struct controller *c, int64_t id, const char *uuid);
void engine_free(struct engine *e);
void engine_store(struct engine *e);
/* Its heart was heard: everybody is told. */
void engine_joined(struct engine *e);
/* Its state, or what it waits for, is another: also who waits for it is told. */
void engine_turned(struct engine *e);
/* All have been told that it is gone; what it ran ends. */
void engine_give_up(struct engine *e);

/* It is lost, and its process has surely ended: of one that says it is `newer`. */
bool away_has_ended(const struct engine *e, const char *newer);
/* A beat of the clock: those that stayed away for too long, or have ended, go. */
void away_beat(struct engine *e);
/* There are too many: the one that is away for the longest time goes. False: none is. */
bool away_make_room(struct controller *c);

/* It is removed: should it still beat, it hears that. It registers. */
void heart_gone(struct engine *e);
void heart_begins(struct engine *e);
/* Who has just come is asked whether its heart is connected. */
void heart_probe(struct controller *c);
void heart_init(struct controller *c);
void heart_done(struct controller *c);

#endif
