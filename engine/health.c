#include "health.h"
#include "engine.h"
#include "wire/messages.h"

/* So many tasks in a row that fail for a fault of the engine are no accident. */
#define FAULTS 3

void health_done(struct engine *e)
{
	free(e->health.why);
	e->health.why = NULL;
}

void health_tell(struct engine *e)
{
	struct health *h = &e->health;
	struct msg_out out = {.type = MSG_DRAIN};
	int err;

	if (!h->why || !e->member.extended || !member_is_in(&e->member))
		return;
	out.content = json_object_new_object();
	json_add_str(out.content, "why", h->why);
	err = link_send(&e->link, CHANNEL_TASK, &out);
	json_object_put(out.content);
	if (!err)
		health_done(e);
}

void health_drain(struct engine *e, char *why)
{
	struct health *h = &e->health;

	log_warning("the engine asks to be given no more tasks",
		    log_str("why", why));
	free(h->why);
	h->why = why;
	health_tell(e);
}

static void too_many(struct engine *e, const struct task *t)
{
	unsigned n = e->health.faults;

	e->health.faults = 0;
	health_drain(e, xasprintf("%u tasks in a row failed for faults of the "
				  "engine, the last of them: %s", n, t->evalue));
}

void health_note(struct engine *e, const struct task *t)
{
	struct health *h = &e->health;
	unsigned skipped;

	if (t->state == STATE_ABORTED)
		return;
	if (!t->fault) {
		h->faults = 0;
		return;
	}
	h->faults++;
	if (log_allowed(&h->often, FAULTS, 60 * USEC_PER_SEC, &skipped))
		log_error("a task failed for a fault of the engine",
			  log_str("msg_id", t->request.id),
			  log_str("why", t->evalue),
			  log_int("not_logged", skipped));
	if (h->faults >= FAULTS)
		too_many(e, t);
}
