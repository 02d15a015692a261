/*
 * line.h: messages to engines, by the channel's own socket or by a line of an engine of
 * ours (wire/line.h). Who sends says by which socket it is for an engine of
 * ipyparallel; by_line: the peer has lines (struct engine, struct request, struct msg).
 */
#ifndef TASKFS_CONTROLLER_NET_LINE_H
#define TASKFS_CONTROLLER_NET_LINE_H

#include "core/controller.h"
#include "wire/line.h"

/* As msg_send(); the first ident is the engine's. */
int line_send(struct controller *c, enum socket s, bool by_line,
	      const struct msg_out *out) must_check;
/* As msg_forward(). */
int line_forward(struct controller *c, enum socket s, bool by_line,
		 struct msg *m, const struct bytes *idents, unsigned n) must_check;
/* A frame that is no message: a heartbeat, by a line. */
void line_ping(struct controller *c, struct bytes uuid, struct bytes text);
/*
 * A message that came by that line becomes one of its channel: the socket it would have
 * come by. SOCKETS: it says none.
 */
enum socket line_take(enum engine_line l, struct msg *m);

#endif
