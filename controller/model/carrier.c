#include "base/base.h"
#include "carrier.h"

#include "net/line.h"

int carrier_direct_send(struct engine *e, enum engine_line line,
			const struct msg_out *out)
{
	static const enum socket of[] = {
		[LINE_TASK] = S_TASK_OUT,
		[LINE_CONTROL] = S_CONTROL_OUT,
	};

	return line_send(e->c, of[line], e->by_line, out);
}

struct session *carrier_direct_session(struct controller *c)
{
	return &c->session;
}

bool carrier_direct_is_gone(const struct controller *c)
{
	(void)c;
	return false;
}

const char *carrier_direct_is_away(const struct controller *c)
{
	(void)c;
	return NULL;
}

struct session *engine_session(struct engine *e)
{
	return e->c->carrier->session(e->c);
}

int engine_send(struct engine *e, enum engine_line line, struct msg_out *out)
{
	struct bytes ident = engine_ident(e);
	int err;

	out->idents = &ident;
	out->nidents = 1;
	err = e->c->carrier->send(e, line, out);
	out->idents = NULL;
	out->nidents = 0;
	return err;
}
