/*
 * engine_parts.h: between the files that see to engines that come and go.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_ENGINE_PARTS_H
#define TASKFS_CONTROLLER_ENGINES_ENGINE_PARTS_H

#include "heart.h"
#include "presence.h"

#define LIMIT_UUID 255

/* away.c. It is lost, and its process has surely ended: of one that says it is `newer`. */
bool away_has_ended(const struct engine *e, const char *newer);
/* A beat of the clock: those that stayed away for too long, or have ended, go. */
void away_beat(struct engine *e);
/* There are too many: the one that is away for the longest time goes. False: none is. */
bool away_make_room(struct controller *c);

#endif
