#include "base/base.h"
#include "ours.h"

#include "base/log.h"
#include "execute/execute.h"
#include "flight.h"
#include "model/carrier.h"
#include "ours_reply.h"
#include "vars/kinds.h"

/* --- what may be forgotten there ------------------------------------------ */

/*
 * Acknowledgements go with the next task the engine gets, or by themselves
 * when there is none for a while.
 */
#define STORED_WAIT (20 * USEC_PER_MSEC)

static struct json_object *take_stored(struct engine *e)
{
	struct json_object *ids = e->stored;

	timer_cancel(&e->stored_timer);
	e->stored = NULL;
	return ids;
}

static void send_stored(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, stored_timer);
	struct json_object *content = json_object_new_object();
	struct msg_out out = {
		.type = MSG_STORED,
		.content = content,
	};

	json_add(content, "msg_ids", take_stored(e));
	/* An engine that is away tells again what it has when it comes back. */
	(void)!engine_send(e, LINE_TASK, &out);
	json_object_put(content);
}

static void keep_stored(struct engine *e, struct json_object *ids)
{
	e->stored = ids;
	e->stored_timer.fire = send_stored;
	timer_set(e->c->loop, &e->stored_timer, STORED_WAIT);
}

static void stored(struct engine *e, const char *msg_id)
{
	if (!e->stored)
		keep_stored(e, json_object_new_array());
	json_push(e->stored, json_text(bytes_str(msg_id)));
}

/* --- sending -------------------------------------------------------------- */

static int send_task(struct result *r, struct run *run, struct bytes code,
		     struct bytes input)
{
	struct engine *e = run->engine;
	struct json_object *stored = take_stored(e);
	struct buf content = BUF_INIT, metadata = BUF_INIT;
	struct inputs in = {0};
	struct msg_out out = {
		.type = MSG_EXECUTE_REQUEST,
		.msg_id = run->msg_id,
		.buffers = in.b,
	};
	int err;

	execute_put_content(code, true, NULL, &content);
	execute_put_metadata(r, run, code, input, stored, &in, &metadata);
	out.content_text = buf_bytes(&content);
	out.metadata_text = buf_bytes(&metadata);
	out.nbuffers = in.n;
	err = engine_send(e, LINE_TASK, &out);
	/* The acknowledgements did not go out with the task: they wait again. */
	if (err && stored)
		keep_stored(e, json_object_get(stored));
	json_object_put(stored);
	buf_done(&content);
	buf_done(&metadata);
	return err;
}

static int send_kill(struct run *run, int signo, bool abort_it)
{
	struct json_object *content = json_object_new_object();
	struct msg_out out = {
		.type = MSG_KILL_REQUEST,
		.content = content,
	};
	int err;

	json_add_str(content, "msg_id", run->msg_id);
	json_add_bool(content, "abort", abort_it);
	if (signo)
		json_add_int(content, "signal", signo);
	err = engine_send(run->engine, LINE_CONTROL, &out);
	json_object_put(content);
	return err;
}

static int send_abort(struct run *run)
{
	int err;

	if (!run->engine)
		return -EOPNOTSUPP;
	run->abort = true;
	err = send_kill(run, 0, true);
	flight_doubt(run);
	/* An engine that is away hears of the abort when it comes back; one that
	 * does not come back has ended the task. */
	return err == -EHOSTUNREACH ? 0 : err;
}

static void send_recall(struct run *run)
{
	struct json_object *ids = json_object_new_array();
	struct msg_out out = {
		.type = MSG_RECALL,
		.content = json_object_new_object(),
	};

	json_push(ids, json_text(bytes_str(run->msg_id)));
	json_add(out.content, "msg_ids", ids);
	/* Who cannot be reached begins it, or is gone. */
	(void)!engine_send(run->engine, LINE_CONTROL, &out);
	json_object_put(out.content);
}

static int send_signal(struct run *run, int signo)
{
	return run->engine ? send_kill(run, signo, false) : -EOPNOTSUPP;
}

static int send_limit(struct run *run, uint64_t usec)
{
	struct json_object *content;
	struct msg_out out = {.type = MSG_LIMIT_REQUEST};
	int err;

	if (!run->engine || !run->engine->limits)
		return -EOPNOTSUPP;
	content = json_object_new_object();
	out.content = content;
	json_add_str(content, "msg_id", run->msg_id);
	json_add_real(content, "time_limit", (double)usec / USEC_PER_SEC);
	err = engine_send(run->engine, LINE_CONTROL, &out);
	json_object_put(content);
	return err;
}

void ours_put_gone(const struct engine *e, struct buf *why)
{
	buf_printf(why, "engine %lld (pid %lld on %s) ", (long long)e->id,
		   (long long)e->pid, e->host ? e->host : "an unknown host");
	if (e->unknown_end)
		buf_printf(why, "was given up while it ran the task, which may "
				"go on there: %s", e->unknown_end);
	else
		buf_printf(why, "ended while running the task%s%s",
			   e->ended ? ": " : "", e->ended ? e->ended : "");
}

static void engine_gone(struct run *run)
{
	struct buf why = BUF_INIT;

	ours_put_gone(run->engine, &why);
	run_end_with_engine(run, buf_str(&why));
	buf_done(&why);
}

static const struct run_ops run_ops_ours = {
	.first_to_know = true,
	.send = send_task,
	.abort = send_abort,
	.signal = send_signal,
	.recall = send_recall,
	.limit = send_limit,
	.on_reply = ours_on_reply,
	.engine_gone = engine_gone,
	.stored = stored,
};

static const struct engine_kind ours = {
	.returns = true,
	.restarts = true,
	.answers_have = true,
	.tells_health = true,
	.unregisters = true,
	.tells_vars = true,
	.vars = &vars_ops_ours,
	.abort_relayed = send_abort,
	.signal_relayed = send_signal,
};

static void known(struct engine *e)
{
	if (!e->taskfs)
		return;
	e->kind = &ours;
	e->run_ops = &run_ops_ours;
	e->ready = e->shell = true;
}

static void freed(struct engine *e)
{
	timer_cancel(&e->stored_timer);
	json_object_put(e->stored);
}

const struct engine_hooks ours_hooks = {.known = known, .freed = freed};
