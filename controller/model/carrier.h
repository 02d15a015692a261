/*
 * carrier.h: what brings messages to the engines: the sockets of this controller, or
 * another controller whose engines are used (upstream/). Who sends does not know
 * which.
 */
#ifndef TASKFS_CONTROLLER_MODEL_CARRIER_H
#define TASKFS_CONTROLLER_MODEL_CARRIER_H

#include "engines.h"
#include "wire/line.h"

struct carrier {
	/* out's idents are the engine's. -EHOSTUNREACH: it is not there. */
	int (*send)(struct engine *e, enum engine_line line,
		    const struct msg_out *out);
	/* What its messages are signed with. */
	struct session *(*session)(struct controller *c);
	/* For what mounts run on engines of ipyparallel there. */
	const struct run_ops *run_ops;
	/* Clients hear of the end of what they run there after this controller. */
	bool first_to_know;
	/* It ended, or is away for so long that it may never come back. */
	bool (*is_gone)(const struct controller *c);
	/* Why nothing can be sent, as what a task waits for; NULL: something can. */
	const char *(*is_away)(const struct controller *c);
	/* What mounts show of it; NULL: there is nothing to show. */
	struct json_object *(*json)(const struct controller *c);
};

/* The operations of the carrier that is the sockets of this controller. */
int carrier_direct_send(struct engine *e, enum engine_line line,
			const struct msg_out *out) must_check;
struct session *carrier_direct_session(struct controller *c);
bool carrier_direct_is_gone(const struct controller *c);
const char *carrier_direct_is_away(const struct controller *c);

/*
 * Sends to the engine; out's idents are filled in. The kind of answer, and
 * that there is one, is the message's. -EHOSTUNREACH: it is not there.
 */
int engine_send(struct engine *e, enum engine_line line, struct msg_out *out)
	must_check;
/* What its messages are signed with. */
struct session *engine_session(struct engine *e);

#endif
