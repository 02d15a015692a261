/*
 * returned.h: an engine registered again: which of its tasks go on
 * (doc/PROTOCOL.md, registration_request).
 */
#ifndef TASKFS_CONTROLLER_ENGINES_RETURNED_H
#define TASKFS_CONTROLLER_ENGINES_RETURNED_H

#include "schedule/run.h"

/* Of tasks that mounts submitted. running and finished: msg_ids that the engine has;
 * those it shall forget are added to ret_drop. */
void returned_submitted(struct engine *e, struct json_object *running,
			struct json_object *finished,
			struct json_object *ret_drop);
/* Of tasks that clients sent. relayed: msg_ids that the engine has; NULL: it does
 * not say. False: that cannot be believed now, it has to say it again. */
bool returned_relayed(struct engine *e, struct json_object *relayed)
	must_check;

#endif
