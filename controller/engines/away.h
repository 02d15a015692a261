/*
 * away.h: engines that are not heard: lost, back, forgotten.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_AWAY_H
#define TASKFS_CONTROLLER_ENGINES_AWAY_H

#include "presence.h"

/* The engine is not heard any more (why: static): its runs end. It is lost; or gone,
 * when nobody waits for it (--keep-id=0) or its process has ended. */
void engine_lose(struct engine *e, const char *why);
/* The process of the engine has died, and what it ran with it. Its guard, of which this
 * says pid and process, begins another one, and is as long what there is of the engine. */
void engine_die(struct engine *e, struct json_object *guard);

#endif
