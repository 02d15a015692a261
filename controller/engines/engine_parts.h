/*
 * engine_parts.h: between the files that see to engines that come and go.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_ENGINE_PARTS_H
#define TASKFS_CONTROLLER_ENGINES_ENGINE_PARTS_H

#include "heart.h"
#include "presence.h"

#define LIMIT_UUID 255

/* Of away.c. The engine is lost, and its process has surely ended. newer: what one
 * that registers says of its process; NULL. */
bool away_has_ended(const struct engine *e, const char *newer);
/* At each beat: an engine that stayed away for too long, or has ended, goes. */
void away_beat(struct engine *e);
/* There are too many: the one that is away for the longest time goes. False: none is. */
bool away_make_room(struct controller *c);

#endif
