#include "base/base.h"
#include "failed.h"

#include "base/log.h"
#include "channel.h"
#include "net/request.h"
#include "net/sockets.h"
#include "relay.h"
#include "relayed.h"
#include "schedule/ending.h"
#include "schedule/run.h"
#include "schedule/unbegun.h"

/*
 * Tasks of clients that end without a reply of an engine: what their clients
 * are told.
 */

void relayed_unsent(struct relayed *rel, bool tell_client)
{
	static const struct ending unreachable = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the engine cannot be reached",
	};

	rel->unsent = tell_client;
	result_end_waiting(result_find(rel->c, rel->result), &unreachable);
}

/* The connection to the engine broke: the message of the run was lost with that, or
 * the reply. */
static void lost(struct run *run)
{
	struct ending how = {
		.event = run->abort ? EVENT_ABORT : EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the connection to its engine broke while that had "
			  "the task",
	};

	if (!run->relayed || run->relayed->replied)
		return;
	log_info("a client's task was lost on its way",
		 log_str("msg_id", run->msg_id),
		 log_int("engine", run->engine ? run->engine->id : -1));
	/* The engine is there again, so its client would wait for an answer. */
	run->relayed->unsent = !run->relayed->gather;
	run_end(run, &how, NULL);
}

/* Clients are told in the words that ipyparallel has for it. */
static void engine_gone(struct run *run)
{
	struct buf why = BUF_INIT;

	if (run->relayed && run->relayed->replied) {
		relayed_finish(run->relayed);
		return;
	}
	buf_printf(&why, "Engine b'%s' died while running task '%s'",
		   run->engine->uuid, run->msg_id);
	run_end_with_engine(run, buf_str(&why));
	buf_done(&why);
}

void relayed_ended(struct result *r)
{
	const struct details *d = r->task[0].details;
	struct ending how = {
		.event = r->task[0].state == STATE_ABORTED ? EVENT_ABORT
							   : EVENT_FAIL,
		.ename = d ? d->ename : NULL,
		.evalue = d ? d->evalue : NULL,
	};

	if (r->relayed)
		relayed_failed(r->relayed, &how);
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

/* Says which engine had the task, if one had. */
static struct json_object *failure_metadata(const struct relayed *rel,
					    struct json_object *content)
{
	struct json_object *o = json_object_new_object();
	const struct run *run = run_find(rel->c, rel->msg_id);
	char date[DATE_SIZE];

	date_format(now_usec(), date);
	json_add_str(o, "date", date);
	json_add(o, "status", json_object_get(json_get(content, "status")));
	if (run && run->engine)
		json_add_str(o, "engine", run->engine->uuid);
	return o;
}

void relayed_failed(struct relayed *rel, const struct ending *how)
{
	struct controller *c = rel->c;
	struct bytes ident = buf_bytes(&rel->client);
	struct msg_out out = {
		.type = MSG_APPLY_REPLY,
		.parent = buf_bytes(&rel->header),
		.idents = &ident,
		.nidents = 1,
	};

	/* In all other cases the client makes the error itself when it hears that
	 * the engine is gone. */
	if ((rel->channel == CHANNEL_TASK || rel->unsent) && !rel->replied &&
	    ident.n) {
		out.content = failure_content(how);
		out.metadata = failure_metadata(rel, out.content);
		(void)!msg_send(sock_of(c, channel_in(rel->channel)),
				&c->session, &out);
		json_object_put(out.content);
		json_object_put(out.metadata);
	}
	relayed_free(rel);
}

static void failed(struct run *run, const struct ending *how)
{
	if (run->relayed)
		relayed_failed(run->relayed, how);
	run->relayed = NULL;
}

/* --- what is done to a run ------------------------------------------------ */

static int abort_run(struct run *run)
{
	const struct engine *e = run->engine;

	return e && e->kind->abort_relayed ? e->kind->abort_relayed(run)
					   : -EOPNOTSUPP;
}

static int signal_run(struct run *run, int signo)
{
	const struct engine *e = run->engine;

	return e && e->kind->signal_relayed
		       ? e->kind->signal_relayed(run, signo)
		       : -EOPNOTSUPP;
}

/* A reply on the socket of mounts' tasks: no mount asked for it. */
static void on_reply(struct run *run, struct msg *m)
{
	(void)m;
	run->c->count.late_replies++;
}

const struct run_ops run_ops_clients = {
	.abort = abort_run,
	.signal = signal_run,
	.on_reply = on_reply,
	.lost = lost,
	.engine_gone = engine_gone,
	.failed = failed,
};
