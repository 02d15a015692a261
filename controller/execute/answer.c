#include "base/base.h"
#include "answer.h"

#include "schedule/ending.h"

/* The reply was signed, and no other comes: the run ends. */
static void end_unread(struct run *run, const char *why)
{
	struct buf text = BUF_INIT;
	struct ending how = {.event = EVENT_FAIL, .ename = "ReplyError"};

	buf_printf(&text, "its engine's reply cannot be read: %s", why);
	how.evalue = buf_str(&text);
	run_end(run, &how, NULL);
	buf_done(&text);
}

/* The task was given up, or this reply came before: the engine may forget it. */
static void too_late(struct engine *e, const struct run *run,
		     const char *msg_id)
{
	e->c->count.late_replies++;
	if (msg_id && e->run_ops->stored &&
	    (!run || run->phase != RUN_ENDING))
		e->run_ops->stored(e, msg_id);
}

void answer_on_reply(struct engine *e, struct msg *m)
{
	const char *msg_id = json_get_str(m->parent, "msg_id", NULL);
	struct run *run = run_find(e->c, msg_id);

	if (!run || run->engine != e || run->phase != RUN_SENT)
		too_late(e, run, msg_id);
	else if (m->why)
		end_unread(run, m->why);
	else
		run->ops->on_reply(run, m);
}
