/*
 * line.h: how an engine is spoken to. Who sends does not know whether it is on
 * our own sockets or behind an upstream controller.
 */
#ifndef TASKFS_LINE_H
#define TASKFS_LINE_H

#include "engines.h"

enum line { LINE_TASK, LINE_CONTROL };

/*
 * Sends to the engine; out's idents are filled in. The kind of answer, and
 * that there is one, is the message's. -EHOSTUNREACH: it is not there.
 */
int engine_send(struct engine *e, enum line line, struct msg_out *out)
	must_check;
/* What its messages are signed with. */
struct session *engine_session(struct engine *e);

#endif
