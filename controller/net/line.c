#include "base/base.h"
#include "line.h"

#include "sockets.h"

/* A message that is passed on has some. */
#define IDENTS 16

static const enum socket channel[CARRIED] = {
	[CARRY_REGISTRATION] = S_REGISTRATION,
	[CARRY_CONTROL] = S_CONTROL_OUT,
	[CARRY_PING] = S_HB_PING,
	[CARRY_PONG] = S_HB_PONG,
	[CARRY_MUX] = S_MUX_OUT,
	[CARRY_TASK] = S_TASK_OUT,
	[CARRY_BROADCAST] = S_BROADCAST_OUT,
	[CARRY_IOPUB] = S_IOPUB_IN,
};

static void *socket_of(struct controller *c, enum carried what)
{
	return sock_of(c, line_of(what) == LINE_TASK ? S_LINE_TASK
						     : S_LINE_CONTROL);
}

static enum carried carried_by(enum socket s)
{
	int what = 0;

	while (channel[what] != s) {
		what++;
		assert(what < CARRIED);
	}
	return (enum carried)what;
}

/* The same idents with the channel's name behind the engine's; how many. */
static unsigned put_tag(struct bytes to[IDENTS], enum carried what,
			const struct bytes *idents, unsigned n)
{
	unsigned i;

	assert(n >= 1 && n < IDENTS);
	to[0] = idents[0];
	to[1] = line_tag(what);
	for (i = 1; i < n; i++)
		to[i + 1] = idents[i];
	return n + 1;
}

int line_send(struct controller *c, enum socket s, bool by_line,
	      const struct msg_out *out)
{
	struct msg_out tagged = *out;
	struct bytes idents[IDENTS];
	enum carried what;

	if (!by_line)
		return msg_send(sock_of(c, s), &c->session, out);
	what = carried_by(s);
	tagged.nidents = put_tag(idents, what, out->idents, out->nidents);
	tagged.idents = idents;
	return msg_send(socket_of(c, what), &c->session, &tagged);
}

int line_forward(struct controller *c, enum socket s, bool by_line,
		 struct msg *m, const struct bytes *idents, unsigned n)
{
	struct bytes tagged[IDENTS];
	enum carried what;

	if (!by_line)
		return msg_forward(sock_of(c, s), m, idents, n);
	what = carried_by(s);
	n = put_tag(tagged, what, idents, n);
	return msg_forward(socket_of(c, what), m, tagged, n);
}

void line_ping(struct controller *c, struct bytes uuid, struct bytes text)
{
	void *socket = sock_of(c, S_LINE_CONTROL);
	struct bytes frames[] = {uuid, line_tag(CARRY_PING), text};
	size_t i;

	loop_socket_used(socket);
	for (i = 0; i < ARRAY_SIZE(frames); i++)
		if (zmq_send(socket, frames[i].p, frames[i].n,
			     ZMQ_DONTWAIT | (i < 2 ? ZMQ_SNDMORE : 0)) < 0)
			return;	/* it is not there */
}

enum socket line_take(enum engine_line l, struct msg *m)
{
	enum carried what;

	if (m->frames < 2 || !line_find(l, msg_frame(m, 1), &what))
		return SOCKETS;
	msg_drop_frame(m, 1);
	/* What is published begins with its topic, and no ident. */
	if (what == CARRY_IOPUB)
		msg_drop_frame(m, 0);
	m->by_line = true;
	return channel[what];
}
