#include "base/base.h"
#include "relayed.h"

#include "base/log.h"
#include "broadcast.h"
#include "channel.h"
#include "client_ids.h"
#include "demand.h"
#include "failed.h"
#include "model/tasks.h"
#include "net/intake.h"
#include "record.h"
#include "relay.h"
#include "schedule/apply.h"
#include "schedule/ending.h"
#include "schedule/lifetime.h"
#include "schedule/run.h"
#include "wire/task_option.h"

/* After the reply, output of the task may still be on its way by another socket. */
#define IDLE_WAIT USEC_PER_SEC

void relayed_free(struct relayed *rel)
{
	struct result *r = result_find(rel->c, rel->result);

	if (rel->gather && !rel->replied)
		broadcast_give_up(rel->gather);
	timer_cancel(&rel->idle_timer);
	timer_cancel(&rel->start_timer);
	if (r && r->relayed == rel)
		r->relayed = NULL;
	if (relayed_find(rel->c, rel->msg_id) == rel)
		map_remove(&rel->c->relayed->by_msg_id, bytes_str(rel->msg_id));
	channel_less(rel->c, rel->channel);
	buf_done(&rel->client);
	buf_done(&rel->header);
	buf_done(&rel->execute_input);
	buf_done(&rel->execute_result);
	buf_done(&rel->display_data);
	buf_done(&rel->error);
	buf_done(&rel->value);
	msg_done(&rel->msg);
	msg_done(&rel->reply);
	outcome_done(&rel->outcome);
	free(rel->msg_id);
	free(rel);
}

void relayed_index_init(struct controller *c)
{
	c->relayed = zalloc(sizeof(*c->relayed));
	channels_init(c);
}

void relayed_index_done(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->relayed->by_msg_id, &it))
		relayed_free(it.value);
	map_done(&c->relayed->by_msg_id);
	free(c->relayed);
	c->relayed = NULL;
	channels_done(c);
}

struct relayed *relayed_find(struct controller *c, const char *msg_id)
{
	return msg_id ? map_get(&c->relayed->by_msg_id, bytes_str(msg_id))
		      : NULL;
}

/* --- a client's task becomes a result ----------------------------------- */

/*
 * The result cannot be stored, so it is none. A task that waits is refused; one that
 * is with an engine already goes on between that and the client, and nobody else
 * hears of it.
 */
static void refuse(struct result *r)
{
	static const struct ending full = {
		.event = EVENT_FAIL,
		.ename = "StoreError",
		.evalue = "the controller could not store it",
	};

	r->c->count.refused++;
	if (r->relayed && task_is_waiting(&r->task[0]))
		relayed_failed(r->relayed, &full);
	result_doom(r);
}

static void result_stored(struct store_op *op)
{
	struct result *r = result_find(op->arg, op->result.id);

	if (op->err)
		log_error("a client's task was not stored",
			  log_errno(op->err));
	if (r && op->err)
		refuse(r);
	else if (r)
		result_set_stored(r);
}

static bool read_code(struct msg *m, struct buf *code)
{
	struct json_object *content = msg_object(m, MSG_CONTENT, &m->why);
	size_t n = 0;
	const char *s = json_get_str(content, "code", &n);

	if (s && n <= LIMIT_CODE)
		buf_put(code, s, n);
	else
		buf_puts(code, m->type);
	json_object_put(content);
	return content != NULL;
}

static struct result *new_result(struct controller *c, struct msg *m,
				 struct json_object *options)
{
	struct result_spec spec = {
		.ops = &result_ops_clients,
		.kind = "task",
		.options = options,
		.ntasks = 1,
		.uid = getuid(),
		.gid = getgid(),
	};
	size_t n = 0;
	const char *label = json_get_str(m->metadata, "label", &n);
	struct result *r;

	if (!read_code(m, &spec.code)) {
		buf_done(&spec.code);
		return NULL;
	}
	if (label && task_name_ok(bytes_of(label, n)))
		spec.name = label;
	r = result_new(c, &spec);
	result_put(r, result_stored, c);
	return r;
}

void relayed_add_request(struct json_object *options, const char *type)
{
	if (strcmp(type, MSG_APPLY_REQUEST) == 0)
		json_add_str(options, "request", type);
}

/* The msg_id is neither in use nor like one that this controller makes. */
static bool may_be_relayed(struct controller *c, const struct msg *m)
{
	return !relayed_find(c, m->id) && !run_find(c, m->id) &&
	       strncmp(m->id, c->cluster, strlen(c->cluster)) != 0;
}

struct relayed *relayed_new(struct controller *c, enum channel ch,
			    struct msg *m)
{
	struct bytes client = msg_ident(m, 0), header = msg_part(m, MSG_HEADER);
	struct json_object *options;
	struct demand demand = {0};
	struct result *r = NULL;
	struct relayed *rel;

	if (!may_be_relayed(c, m))
		return NULL;
	if (ch == CHANNEL_TASK)
		demand_read(&demand, c, m);
	options = demand_options(&demand);
	relayed_add_request(options, m->type);
	r = new_result(c, m, options);
	json_object_put(options);
	if (!r) {
		demand_done(&demand);
		return NULL;
	}
	rel = zalloc(sizeof(*rel));
	rel->c = c;
	rel->channel = ch;
	rel->msg_id = xstrdup(m->id);
	rel->retries = demand.retries;
	r->relayed = rel;
	r->applied = strcmp(m->type, MSG_APPLY_REQUEST) == 0;
	rel->result = r->id;
	outcome_init(&rel->outcome);
	buf_put(&rel->client, client.p, client.n);
	buf_put(&rel->header, header.p, header.n);
	map_put(&c->relayed->by_msg_id, bytes_str(rel->msg_id), rel);
	channel_more(c, ch);
	/* The result is known by what its client calls it, also while it waits. */
	client_ids_put(r, rel->msg_id);
	record_put(rel, m);
	demand_apply(&demand, r);
	demand_done(&demand);
	return rel;
}

/* --- running ------------------------------------------------------------ */

static void start_stored(struct store_op *op)
{
	struct controller *c = op->arg;
	struct result *r = result_find(c, op->task.row.result);

	if (!r || r->doomed || r->task[0].state != STATE_PENDING)
		return;
	if (!op->err) {
		task_apply(r, &op->task.row, EVENT_START);
		return;
	}
	log_error("the start of a client's task was not stored; trying again",
		  log_int("result", (int64_t)r->id), log_errno(op->err));
	if (r->relayed)
		timer_set(c->loop, &r->relayed->start_timer, STORE_AGAIN);
}

static void put_start(struct relayed *rel, const struct run *run)
{
	struct store_op *op = store_op_new(STORE_TASK);

	op->task.row = task_row(result_find(rel->c, rel->result), 0);
	free(op->task.row.engine_uuid);
	op->task.row.state = STATE_RUNNING;
	op->task.row.engine = run->engine->id;
	op->task.row.engine_uuid = xstrdup(run->engine->uuid);
	op->task.row.attempt = run->attempt;
	op->task.row.started = rel->sent;
	op->task.row.began = rel->began;
	op->arg = rel->c;
	op->done = start_stored;
	store_put(rel->c->store, op);
}

/* A task that ended meanwhile needs no start: the row of its end says that, too. */
static void start_again(struct timer *t)
{
	struct relayed *rel = container_of(t, struct relayed, start_timer);
	struct run *run = run_find(rel->c, rel->msg_id);

	if (run && run->engine)
		put_start(rel, run);
}

static void forget_reply(struct relayed *rel)
{
	outcome_done(&rel->outcome);
	outcome_init(&rel->outcome);
	buf_clear(&rel->error);
	buf_clear(&rel->value);
	buf_clear(&rel->execute_result);
	buf_clear(&rel->display_data);
	msg_done(&rel->reply);
}

void relayed_start(struct relayed *rel, struct engine *e)
{
	struct result *r = result_find(rel->c, rel->result);
	struct run *run;

	assert(r);
	forget_reply(rel);
	rel->tries++;
	rel->sent = now_usec();
	rel->began = result_age(r);
	rel->start_timer.fire = start_again;
	timer_cancel(&rel->start_timer);
	task_claim(r, 0);
	run = run_of_client(r, rel->msg_id, e, &run_ops_clients);
	run->relayed = rel;
	put_start(rel, run);
}

/* --- the reply ---------------------------------------------------------- */

void relayed_read_reply(struct relayed *rel, struct msg *m)
{
	struct outcome *o = &rel->outcome;
	const char *why = NULL;
	struct json_object *content = msg_object(m, MSG_CONTENT, &why);
	struct buf text = BUF_INIT;

	outcome_read(o, m->header, m->metadata, content);
	if (!o->started)
		o->started = now_usec();
	if (!o->completed)
		o->completed = now_usec();
	/* The record has the reply as it came; what is read here is for mounts. */
	buf_strip_colours(&o->traceback);
	if (!content) {
		/* The client gets the reply all the same, and may understand it. */
		buf_printf(&text, "its engine's reply cannot be read: %s", why);
		outcome_fail(o, "ReplyError", buf_str(&text));
		buf_done(&text);
	}
	json_object_put(content);
}

static bool take_retry(struct relayed *rel)
{
	if (rel->channel != CHANNEL_TASK || !rel->retries)
		return false;
	rel->retries--;
	return true;
}

bool relayed_again(struct relayed *rel, const struct msg *m)
{
	bool unmet = !json_bool_or(m->metadata, "dependencies_met", true);
	struct run *run = run_find(rel->c, rel->msg_id);
	struct result *r = result_find(rel->c, rel->result);
	struct ending how = {
		.event = EVENT_FAIL,
		.ename = unmet ? "UnmetDependency" : rel->outcome.ename,
		.evalue = rel->outcome.evalue,
	};

	if (rel->channel != CHANNEL_TASK || !run || !r || run->abort ||
	    r->aborting || rel->outcome.event == EVENT_SUCCEED ||
	    (!unmet && !take_retry(rel)))
		return false;
	if (run->engine)
		run->engine->completed++;
	run_retry(run, &how);
	return true;
}

/* --- what the scheduler asks ---------------------------------------------- */

static bool retries(const struct result *r, const struct run *run,
		    const struct ending *how, const struct task_row *row)
{
	(void)r;
	(void)how;
	(void)row;
	return run->relayed && take_retry(run->relayed);
}

bool relayed_is_answered(const struct result *r)
{
	const struct details *d = r->task[0].details;
	const struct run *run;

	if (r->relayed)
		return r->relayed->replied;
	/* The client may have its reply already, while the end is being stored. */
	run = d ? run_find(r->c, d->msg_id) : NULL;
	return run && run->phase == RUN_ENDING;
}

/* What a client sent itself is gone with the socket it came from. */
void relayed_give_up(struct result *r)
{
	static const struct ending lost = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the controller ended before the task did",
	};

	if (task_is_waiting(&r->task[0]))
		task_end_pending(r, 0, &lost);
}

static void restored(struct run *run)
{
	static const struct ending lost = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the controller ended while the task ran, and its "
			  "engine is not known any more",
	};

	run->ops = &run_ops_clients;
	run_end(run, &lost, NULL);
}

const struct result_ops result_ops_clients = {
	.kind = KIND_OF_CLIENTS,
	.is_message = true,
	.takes_unready = true,
	.skip_is_failure = true,
	.start = relay_start,
	.retries = retries,
	.restored = restored,
	.resumed = relayed_give_up,
	.loaded = client_ids_put,
	.answered = relayed_is_answered,
	.ended = relayed_ended,
	.freed = client_ids_remove,
};

/* --- the end ------------------------------------------------------------ */

static void take_value(struct relayed *rel, struct result *r)
{
	uint64_t at = 0;
	unsigned i;

	if (rel->value.n)
		(void)!task_output(r, 0, STREAM_VALUE, 0,
				   buf_bytes(&rel->value));
	for (i = 0; !rel->value.n && i < msg_buffers(&rel->reply); i++) {
		struct bytes b = msg_buffer(&rel->reply, i);

		if (b.n && !task_output(r, 0, STREAM_VALUE, at, b))
			break;
		at += b.n;
	}
}

void relayed_finish(struct relayed *rel)
{
	struct controller *c = rel->c;
	struct run *run = run_find(c, rel->msg_id);
	struct result *r = result_find(c, rel->result);
	struct task_row row;
	const struct outcome *o = &rel->outcome;
	struct ending how = outcome_ending(&rel->outcome);

	record_put_io(rel);
	if (run && r) {
		take_value(rel, r);
		row = task_row(r, 0);
		free(row.msg_id);
		free(row.engine_uuid);
		row.msg_id = xstrdup(rel->msg_id);
		row.engine_uuid = run->engine ? xstrdup(run->engine->uuid)
					      : NULL;
		row.engine = run->engine ? run->engine->id : row.engine;
		row.attempt = run->attempt;
		row.started = o->started ? o->started : row.started;
		row.completed = o->completed;
		row.began = rel->began;
		task_row_ran_from(r, &row, o->started, o->completed);
		task_known_outputs(r, 0, &row);
		run->relayed = NULL;
		if (run->engine)
			run->engine->completed++;
		run_end(run, &how, &row);
	}
	relayed_free(rel);
}

static void idle_late(struct timer *t)
{
	struct relayed *rel = container_of(t, struct relayed, idle_timer);

	/* The end of the output may be here and not have been read. */
	if (intake_is_paused(rel->c))
		timer_set(rel->c->loop, t, IDLE_WAIT);
	else
		relayed_finish(rel);
}

void relayed_replied(struct relayed *rel)
{
	struct run *run;

	rel->replied = true;
	if (rel->idles >= rel->tries || rel->outcome.event == EVENT_ABORT) {
		relayed_finish(rel);
		return;
	}
	rel->idle_timer.fire = idle_late;
	timer_set(rel->c->loop, &rel->idle_timer, IDLE_WAIT);
	/* What the task printed may still come; its engine works on the next
	 * already. */
	run = run_find(rel->c, rel->msg_id);
	if (run)
		run_answered(run);
}

void relayed_idle(struct relayed *rel)
{
	rel->idles++;
	if (rel->replied && rel->idles >= rel->tries)
		relayed_finish(rel);
}
