/*
 * engine_parts.h: between the files that see to engines.
 *
 *	engines.c	what there is: coming, going, what is told of it
 *	registration.c	how they come
 *	heart.c		whether they are alive
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

/* It is removed: should it still beat, it hears that. It registers. */
void heart_gone(struct engine *e);
void heart_begins(struct engine *e);
/* Who has just come is asked whether its heart is connected. */
void heart_probe(struct controller *c);
void heart_init(struct controller *c);
void heart_done(struct controller *c);

#endif
