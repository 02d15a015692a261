/*
 * heart.h: the beats (pings) of the controller, and what follows when there are none,
 * or when they show that the controller is another one, or that the engine stood
 * still. A stock controller that stays away ends the engine; one of ours finds it
 * waiting.
 */
#ifndef TASKFS_ENGINE_HEART_H
#define TASKFS_ENGINE_HEART_H

#include "base/loop.h"
#include "wire/json.h"

struct engine;

struct heart {
	uint64_t period;	/* usec between looks */
	uint64_t heard;		/* mono_usec() of the last beat */
	unsigned missed;	/* looks without a beat */
	bool lost;		/* too many were missed, and that was said */
	struct timer look;
};

/* Registered (again): the reply says how far beats are apart. */
void heart_start(struct engine *e, struct json_object *registered);
void heart_stop(struct engine *e);
/* A beat; what it said. Of struct link_ops. */
void heart_beat(struct engine *e, struct bytes ping);

#endif
