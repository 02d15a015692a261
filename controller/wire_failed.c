#include "base/base.h"
#include "wire.h"

#include "request.h"
#include "relay.h"
#include "run.h"

/*
 * Tasks of clients that end without a reply of an engine: what their clients
 * are told.
 */

void wire_unsent(struct wire *w, bool tell)
{
	static const struct ending unreachable = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the engine cannot be reached",
	};

	w->unsent = tell;
	result_end_waiting(result_find(w->c, w->result), &unreachable);
}

void wire_lost(struct wire *w)
{
	struct run *run = run_find(w->c, w->msg_id);
	struct ending lost = {
		.event = run && run->abort ? EVENT_ABORT : EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the connection to its engine broke while that had "
			  "the task",
	};

	/* Of an engine that is there its client would wait for an answer. */
	w->unsent = !w->gather;
	if (run)
		run_end(run, &lost, NULL);
}

bool relay_finish(struct wire *w)
{
	if (!w->replied)
		return false;
	wire_finish(w);
	return true;
}

void relay_ended(struct result *r)
{
	const struct details *d = r->task[0].details;
	struct ending how = {
		.event = r->task[0].state == STATE_ABORTED ? EVENT_ABORT
							   : EVENT_FAIL,
		.ename = d ? d->ename : NULL,
		.evalue = d ? d->evalue : NULL,
	};

	if (r->wire)
		relay_failed(r->wire, &how);
}

static struct json_object *failure_content(const struct ending *how)
{
	struct json_object *o;

	if (how->event != EVENT_ABORT)
		return error_content(0, how->ename ? how->ename : "Error",
				     how->evalue ? how->evalue : "");
	o = json_object_new_object();
	json_add_str(o, "status", "aborted");
	return o;
}

/* Which engine had it, if one had. */
static struct json_object *failure_metadata(const struct wire *w,
					    struct json_object *content)
{
	struct json_object *o = json_object_new_object();
	const struct run *run = run_find(w->c, w->msg_id);
	char date[DATE_SIZE];

	date_format(now_usec(), date);
	json_add_str(o, "date", date);
	json_add(o, "status", json_object_get(json_get(content, "status")));
	if (run && run->engine)
		json_add_str(o, "engine", run->engine->uuid);
	return o;
}

void relay_failed(struct wire *w, const struct ending *how)
{
	struct controller *c = w->c;
	struct bytes ident = buf_bytes(&w->client);
	struct msg_out out = {
		.type = MSG_APPLY_REPLY,
		.parent = buf_bytes(&w->header),
		.idents = &ident,
		.nidents = 1,
	};

	/* Else a client makes the error itself: it hears that the engine is gone. */
	if ((w->channel == CHANNEL_TASK || w->unsent) && !w->replied &&
	    ident.n) {
		out.content = failure_content(how);
		out.metadata = failure_metadata(w, out.content);
		(void)!msg_send(sock_of(c, relay_in(w->channel)), &c->session,
				&out);
		json_object_put(out.content);
		json_object_put(out.metadata);
	}
	wire_free(w);
}
