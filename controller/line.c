#include "base/base.h"
#include "line.h"
#include "upstream.h"

struct session *engine_session(struct engine *e)
{
	return e->c->upstream ? upstream_session(e->c) : &e->c->session;
}

int engine_send(struct engine *e, enum line line, struct msg_out *out)
{
	static const enum socket of[] = {
		[LINE_TASK] = S_TASK_OUT,
		[LINE_CONTROL] = S_CONTROL_OUT,
	};
	struct bytes ident = engine_ident(e);
	int err;

	out->idents = &ident;
	out->nidents = 1;
	err = e->c->upstream
		      ? upstream_send(e->c, line, out)
		      : msg_send(sock_of(e->c, of[line]), engine_session(e), out);
	out->idents = NULL;
	out->nidents = 0;
	return err;
}
