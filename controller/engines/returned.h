/*
 * returned.h: an engine registered again: which of its tasks go on
 * (doc/PROTOCOL.md, registration_request).
 */
#ifndef TASKFS_CONTROLLER_ENGINES_RETURNED_H
#define TASKFS_CONTROLLER_ENGINES_RETURNED_H

#include "schedule/run.h"

/* Of tasks that mounts submitted. What the engine says of itself (t) names those that
 * it has; those it shall forget are added to ret_drop. */
void returned_submitted(struct engine *e, struct json_object *t,
			struct json_object *ret_drop);
/* The engine gives back tasks, which it has not begun: the content of `returned`. */
void returned_given_back(struct engine *e, struct json_object *said);
/* The engine has ended, or its worker has: `begun`, the largest number of a task that
 * it has begun, is a member of what was said then. The others wait again. */
void returned_unbegun(struct engine *e, struct json_object *said);
/* Of tasks that clients sent. relayed: msg_ids that the engine has; NULL: it does
 * not say. False: that cannot be believed now, it has to say it again. */
bool returned_relayed(struct engine *e, struct json_object *relayed)
	must_check;

#endif
