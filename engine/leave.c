#include "leave.h"
#include "engine.h"
#include "guard.h"

void leave_begin(struct engine *e, int code)
{
	struct leave *l = &e->leave;

	/* Whatever becomes of the worker now: no other begins by itself. */
	if (code != EXIT_RESTART)
		e->member.handover->leaving = true;
	if (!l->on) {
		l->on = true;
		l->exit_code = code;
	} else {
		l->at_once = true;
		/* Told again: no restart. */
		if (code != EXIT_RESTART)
			l->exit_code = code;
	}
	loop_defer(e->loop, &l->work);
}

void leave_go_on(struct engine *e)
{
	loop_defer(e->loop, &e->leave.work);
}
