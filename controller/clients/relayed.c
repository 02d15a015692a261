#include "base/base.h"
#include "relayed.h"

#include "base/log.h"
#include "broadcast.h"
#include "channel.h"
#include "demand.h"
#include "failed.h"
#include "model/tasks.h"
#include "net/intake.h"
#include "record.h"
#include "relay.h"
#include "schedule/apply.h"
#include "schedule/ending.h"
#include "schedule/finish.h"
#include "schedule/run.h"
#include "wire/task_option.h"

/* After the reply, output may still be on its way on another socket. */
#define IDLE_WAIT USEC_PER_SEC

void wire_free(struct wire *w)
{
	struct result *r = result_find(w->c, w->result);

	if (w->gather && !w->replied)
		broadcast_give_up(w->gather);
	timer_cancel(&w->idle_timer);
	timer_cancel(&w->start_timer);
	if (r && r->wire == w)
		r->wire = NULL;
	if (wire_find(w->c, w->msg_id) == w)
		map_remove(&w->c->wires->by_msg_id, bytes_str(w->msg_id));
	channel_less(w->c, w->channel);
	buf_done(&w->client);
	buf_done(&w->header);
	buf_done(&w->execute_input);
	buf_done(&w->execute_result);
	buf_done(&w->display_data);
	buf_done(&w->error);
	buf_done(&w->value);
	msg_done(&w->msg);
	msg_done(&w->reply);
	outcome_done(&w->outcome);
	free(w->msg_id);
	free(w);
}

void wires_init(struct controller *c)
{
	c->wires = zalloc(sizeof(*c->wires));
	channels_init(c);
}

void wires_done(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->wires->by_msg_id, &it))
		wire_free(it.value);
	map_done(&c->wires->by_msg_id);
}

void wires_free(struct controller *c)
{
	map_done(&c->wires->results);
	free(c->wires);
	c->wires = NULL;
	channels_done(c);
}

struct wire *wire_find(struct controller *c, const char *msg_id)
{
	return msg_id ? map_get(&c->wires->by_msg_id, bytes_str(msg_id)) : NULL;
}

/* --- the names of results ----------------------------------------------- */

void wire_know(struct result *r, const char *msg_id)
{
	if (!r->task[0].details)
		task_set_msg_id(&r->task[0], msg_id);
	map_put(&r->c->wires->results, bytes_str(msg_id), r);
}

void wire_forget(struct result *r)
{
	const struct details *d = r->task[0].details;

	if (d && d->msg_id &&
	    map_get(&r->c->wires->results, bytes_str(d->msg_id)) == r)
		map_remove(&r->c->wires->results, bytes_str(d->msg_id));
}

uint64_t wire_result(struct controller *c, struct bytes msg_id,
		     uint32_t *ret_index)
{
	struct result *r = map_get(&c->wires->results, msg_id);
	struct task_id id;

	*ret_index = 0;
	if (r)
		return r->id;
	if (task_id_parse(msg_id, c->cluster, &id))
		return 0;
	r = result_find(c, id.result);
	if (!r || r->ops->of_client || id.index >= r->ntasks || !id.attempt ||
	    id.attempt > max_u64(r->task[id.index].attempt, 1))
		return 0;
	*ret_index = id.index;
	return r->id;
}

/* --- a client's task becomes a result ----------------------------------- */

/*
 * It is no result. What waits is refused; what is with an engine already goes
 * on between that and the client, and nobody else hears of it.
 */
static void refuse(struct result *r)
{
	static const struct ending full = {
		.event = EVENT_FAIL,
		.ename = "StoreError",
		.evalue = "the controller could not store it",
	};

	r->c->count.refused++;
	if (r->wire && task_is_waiting(&r->task[0]))
		relay_failed(r->wire, &full);
	result_doom(r);
}

static void wire_stored(struct store_op *op)
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
	result_put(r, wire_stored, c);
	return r;
}

void wire_add_request(struct json_object *options, const char *type)
{
	if (strcmp(type, MSG_APPLY_REQUEST) == 0)
		json_add_str(options, "request", type);
}

/* Its id is neither in use nor of our own making. */
static bool may_be_wire(struct controller *c, const struct msg *m)
{
	return !wire_find(c, m->id) && !run_find(c, m->id) &&
	       strncmp(m->id, c->cluster, strlen(c->cluster)) != 0;
}

struct wire *wire_new(struct controller *c, enum channel ch, struct msg *m)
{
	struct bytes client = msg_ident(m, 0), header = msg_part(m, MSG_HEADER);
	struct json_object *options;
	struct demand demand = {0};
	struct result *r = NULL;
	struct wire *w;

	if (!may_be_wire(c, m))
		return NULL;
	if (ch == CHANNEL_TASK)
		demand_read(&demand, c, m);
	options = demand_options(&demand);
	wire_add_request(options, m->type);
	r = new_result(c, m, options);
	json_object_put(options);
	if (!r) {
		demand_done(&demand);
		return NULL;
	}
	w = zalloc(sizeof(*w));
	w->c = c;
	w->channel = ch;
	w->msg_id = xstrdup(m->id);
	w->retries = demand.retries;
	r->wire = w;
	r->applied = strcmp(m->type, MSG_APPLY_REQUEST) == 0;
	w->result = r->id;
	outcome_init(&w->outcome);
	buf_put(&w->client, client.p, client.n);
	buf_put(&w->header, header.p, header.n);
	map_put(&c->wires->by_msg_id, bytes_str(w->msg_id), w);
	channel_more(c, ch);
	/* Known by what its client calls it, also while it waits. */
	wire_know(r, w->msg_id);
	record_put(w, m);
	demand_apply(&demand, r);
	demand_done(&demand);
	return w;
}

/* --- running ------------------------------------------------------------ */

static void wire_started(struct store_op *op)
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
	if (r->wire)
		timer_set(c->loop, &r->wire->start_timer, STORE_AGAIN);
}

static void put_start(struct wire *w, const struct run *run)
{
	struct store_op *op = store_op_new(STORE_TASK);

	op->task.row = task_row(result_find(w->c, w->result), 0);
	free(op->task.row.engine_uuid);
	op->task.row.state = STATE_RUNNING;
	op->task.row.engine = run->engine->id;
	op->task.row.engine_uuid = xstrdup(run->engine->uuid);
	op->task.row.attempt = run->attempt;
	op->task.row.started = w->sent;
	op->task.row.began = w->began;
	op->arg = w->c;
	op->done = wire_started;
	store_put(w->c->store, op);
}

/* Unless it ended meanwhile: its end says everything of the start, too. */
static void start_again(struct timer *t)
{
	struct wire *w = container_of(t, struct wire, start_timer);
	struct run *run = run_find(w->c, w->msg_id);

	if (run && run->engine)
		put_start(w, run);
}

static void forget_reply(struct wire *w)
{
	outcome_done(&w->outcome);
	outcome_init(&w->outcome);
	buf_clear(&w->error);
	buf_clear(&w->value);
	buf_clear(&w->execute_result);
	buf_clear(&w->display_data);
	msg_done(&w->reply);
}

void wire_start(struct wire *w, struct engine *e)
{
	struct result *r = result_find(w->c, w->result);
	struct run *run;

	assert(r);
	forget_reply(w);
	w->tries++;
	w->sent = now_usec();
	w->began = result_age(r);
	w->start_timer.fire = start_again;
	timer_cancel(&w->start_timer);
	task_claim(r, 0);
	run = run_of_client(r, w->msg_id, e, &run_ops_clients);
	run->wire = w;
	put_start(w, run);
}

/* --- the reply ---------------------------------------------------------- */

void wire_read_reply(struct wire *w, struct msg *m)
{
	struct outcome *o = &w->outcome;
	const char *why = NULL;
	struct json_object *content = msg_object(m, MSG_CONTENT, &why);
	struct buf text = BUF_INIT;

	outcome_read(o, m->header, m->metadata, content);
	if (!o->started)
		o->started = now_usec();
	if (!o->completed)
		o->completed = now_usec();
	/* The record has the reply as it came; this is for mounts. */
	buf_strip_colours(&o->traceback);
	if (!content) {
		/* Its client has it, and may read it. */
		buf_printf(&text, "its engine's reply cannot be read: %s", why);
		outcome_fail(o, "ReplyError", buf_str(&text));
		buf_done(&text);
	}
	json_object_put(content);
}

static bool take_retry(struct wire *w)
{
	if (w->channel != CHANNEL_TASK || !w->retries)
		return false;
	w->retries--;
	return true;
}

bool wire_again(struct wire *w, const struct msg *m)
{
	bool unmet = !json_bool_or(m->metadata, "dependencies_met", true);
	struct run *run = run_find(w->c, w->msg_id);
	struct result *r = result_find(w->c, w->result);
	struct ending how = {
		.event = EVENT_FAIL,
		.ename = unmet ? "UnmetDependency" : w->outcome.ename,
		.evalue = w->outcome.evalue,
	};

	if (w->channel != CHANNEL_TASK || !run || !r || run->abort ||
	    r->aborting || w->outcome.event == EVENT_SUCCEED ||
	    (!unmet && !take_retry(w)))
		return false;
	if (run->engine)
		run->engine->completed++;
	run_retry(run, &how);
	return true;
}

/* --- what the scheduler asks ---------------------------------------------- */

static bool retries(struct result *r, const struct run *run)
{
	(void)r;
	return run->wire && take_retry(run->wire);
}

/* What a client sent itself is gone with the socket it came from. */
void wire_give_up(struct result *r)
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
	.of_client = true,
	.start = relay_start,
	.retries = retries,
	.restored = restored,
	.resumed = wire_give_up,
	.loaded = wire_know,
	.ended = relay_ended,
	.freed = wire_forget,
};

/* --- the end ------------------------------------------------------------ */

static void take_value(struct wire *w, struct result *r)
{
	uint64_t at = 0;
	unsigned i;

	if (w->value.n)
		(void)!task_output(r, 0, STREAM_VALUE, 0,
				   buf_bytes(&w->value));
	for (i = 0; !w->value.n && i < msg_buffers(&w->reply); i++) {
		struct bytes b = msg_buffer(&w->reply, i);

		if (b.n && !task_output(r, 0, STREAM_VALUE, at, b))
			break;
		at += b.n;
	}
}

void wire_finish(struct wire *w)
{
	struct controller *c = w->c;
	struct run *run = run_find(c, w->msg_id);
	struct result *r = result_find(c, w->result);
	struct task_row row;
	const struct outcome *o = &w->outcome;
	struct ending how = outcome_ending(&w->outcome);

	record_put_io(w);
	if (run && r) {
		take_value(w, r);
		row = task_row(r, 0);
		free(row.msg_id);
		free(row.engine_uuid);
		row.msg_id = xstrdup(w->msg_id);
		row.engine_uuid = run->engine ? xstrdup(run->engine->uuid)
					      : NULL;
		row.engine = run->engine ? run->engine->id : row.engine;
		row.attempt = run->attempt;
		row.started = o->started ? o->started : row.started;
		row.completed = o->completed;
		row.began = w->began;
		task_row_ran_from(r, &row, o->started, o->completed);
		task_known_outputs(r, 0, &row);
		run->wire = NULL;
		if (run->engine)
			run->engine->completed++;
		run_end(run, &how, &row);
	}
	wire_free(w);
}

static void idle_late(struct timer *t)
{
	struct wire *w = container_of(t, struct wire, idle_timer);

	/* It may be here and not have been read. */
	if (intake_is_paused(w->c))
		timer_set(w->c->loop, t, IDLE_WAIT);
	else
		wire_finish(w);
}

void wire_replied(struct wire *w)
{
	struct run *run;

	w->replied = true;
	if (w->idles >= w->tries || w->outcome.event == EVENT_ABORT) {
		wire_finish(w);
		return;
	}
	w->idle_timer.fire = idle_late;
	timer_set(w->c->loop, &w->idle_timer, IDLE_WAIT);
	/* What it printed may still come; it works on the next already. */
	run = run_find(w->c, w->msg_id);
	if (run)
		run_answered(run);
}

void wire_idle(struct wire *w)
{
	w->idles++;
	if (w->replied && w->idles >= w->tries)
		wire_finish(w);
}
