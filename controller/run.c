#include "base/base.h"
#include "run.h"

#include "base/log.h"
#include "base/parse.h"
#include "call.h"
#include "flight.h"
#include "foreign.h"
#include "items.h"
#include "line.h"
#include "relay.h"
#include "sched.h"

/* After the store refused the end of a run (a full disk, say). */
#define STORE_AGAIN USEC_PER_SEC
/* An engine that is not there for its ROUTER: tried again after this. */
#define UNREACHABLE (100 * USEC_PER_MSEC)


static struct run *run_new(struct result *r, uint32_t index, const char *msg_id,
			   struct engine *e)
{
	struct run *run = zalloc(sizeof(*run));
	void *old;

	run->c = r->c;
	run->msg_id = xstrdup(msg_id);
	run->result = r->id;
	run->index = index;
	run->engine = e;
	run->attempt = r->task[index].attempt;
	list_init(&run->engine_link);
	r->active++;
	if (e) {
		list_add_tail(&e->runs, &run->engine_link);
		engine_add_load(e, 1);
		engine_changed(e);
	}
	old = map_put(&r->c->runs, bytes_str(msg_id), run);
	assert(!old);
	(void)old;
	return run;
}

void run_leave_engine(struct run *run)
{
	struct engine *e = run->engine;

	if (!e)
		return;
	run->engine = NULL;
	list_del(&run->engine_link);
	if (!run->answered)
		engine_add_load(e, -1);
	engine_changed(e);
	sched_kick(run->c);
}

void run_answered(struct run *run)
{
	struct engine *e = run->engine;

	if (!e || run->answered)
		return;
	run->answered = true;
	/* Behind what it works on now. */
	list_del(&run->engine_link);
	list_add_tail(&e->runs, &run->engine_link);
	engine_add_load(e, -1);
	engine_changed(e);
	sched_kick(run->c);
}

void run_free(struct run *run)
{
	struct result *r = result_find(run->c, run->result);

	run_leave_engine(run);
	if (r) {
		r->active--;
		r->failing -= run->failing;
		if (r->max_running)
			sched_add(r);
	}
	if (map_get(&run->c->runs, bytes_str(run->msg_id)) == run)
		map_remove(&run->c->runs, bytes_str(run->msg_id));
	call_free(run->call);
	free(run->msg_id);
	free(run);
}

struct run *run_find(struct controller *c, const char *msg_id)
{
	return msg_id ? map_get(&c->runs, bytes_str(msg_id)) : NULL;
}

void runs_done(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->runs, &it)) {
		struct run *run = it.value;

		call_free(run->call);
		free(run->msg_id);
		free(run);
	}
	map_done(&c->runs);
}

/* --- sending ------------------------------------------------------------ */

static void copy_member(struct json_object *to, struct json_object *from,
			const char *key)
{
	struct json_object *v = json_get(from, key);

	if (v)
		json_add(to, key, json_object_get(v));
}

/* Buffers to go with a task, at most three. */
struct inputs {
	struct bytes b[3];
	unsigned n;
};

static struct json_object *task_metadata(const struct result *r,
					 const struct run *run,
					 struct bytes code, struct bytes input,
					 struct inputs *in)
{
	static const char *const passed[] = {"args", "env", "cwd",
					     "submit_dir", "time_limit"};
	struct json_object *options = json_parse(bytes_str(r->options), NULL);
	struct json_object *meta = json_object_new_object();
	struct json_object *t = json_object_new_object();
	size_t i;

	json_add_int(t, "result", (int64_t)r->id);
	json_add_int(t, "index", run->index);
	json_add_int(t, "attempt", run->attempt);
	for (i = 0; i < ARRAY_SIZE(passed); i++)
		copy_member(t, options, passed[i]);
	if (!utf8_valid(code)) {
		json_add_int(t, "code", in->n);
		in->b[in->n++] = code;
	}
	if (r->has_stdin) {
		json_add_int(t, "stdin", in->n);
		in->b[in->n++] = input;
	}
	if (items_of(r, run->index).n) {
		json_add_int(t, "items", in->n);
		in->b[in->n++] = items_of(r, run->index);
	}
	json_add_int(t, "engine", run->engine->id);
	if (run->engine->stored)
		json_add(t, "stored", engine_take_stored(run->engine));
	json_add(meta, "taskfs", t);
	json_object_put(options);
	return meta;
}

/* The acknowledgements did not go out with the task. */
static void keep_stored(struct engine *e, struct json_object *metadata)
{
	struct json_object *t = json_get_object(metadata, "taskfs");
	struct json_object *ids = json_get_array(t, "stored");

	if (ids && !e->stored)
		engine_keep_stored(e, json_object_get(ids));
}

static struct json_object *task_content(const struct run *run,
					struct bytes code)
{
	struct json_object *o = json_object_new_object();
	struct json_object *wish = json_object_new_object();

	if (foreign_is_python(run->engine))
		json_add_str(wish, "taskfs", FOREIGN_USAGE);
	json_add_bytes(o, "code", code);
	json_add_bool(o, "silent", run->engine->taskfs);
	json_add(o, "user_expressions", wish);
	json_add_bool(o, "store_history", false);
	json_add_bool(o, "allow_stdin", false);
	json_add_bool(o, "stop_on_error", false);
	return o;
}

static int send_task(struct result *r, struct run *run, struct bytes code,
		     struct bytes input)
{
	struct inputs in = {0};
	struct msg_out out = {
		.type = MSG_EXECUTE_REQUEST,
		.msg_id = run->msg_id,
		.content = task_content(run, code),
	};
	int err;

	if (call_takes_options(run->engine))
		out.metadata = task_metadata(r, run, code, input, &in);
	if (!run->engine->taskfs)
		call_new(run);
	out.buffers = in.b;
	out.nbuffers = in.n;
	err = engine_send(run->engine, LINE_TASK, &out);
	if (err)
		keep_stored(run->engine, out.metadata);
	json_object_put(out.metadata);
	json_object_put(out.content);
	return err;
}

/* --- starting ----------------------------------------------------------- */

/*
 * What was begun did not reach an engine: it waits again, and that was no try.
 * The next has the same msg_id, so that an engine that has it after all knows
 * it again.
 */
void run_put_back(struct result *r, struct run *run)
{
	struct store_op *op = store_op_new(STORE_TASK);

	op->task.row = task_row(r, run->index);
	op->task.row.state = STATE_PENDING;
	op->task.row.engine = -1;
	op->task.row.started = op->task.row.began = 0;
	op->task.row.attempt = run->attempt - 1;
	run_free(run);
	task_put_end(r->c, op);
}

static void not_started(struct result *r, struct run *run, int err)
{
	static const struct ending aborted = {.event = EVENT_ABORT};
	struct controller *c = r->c;
	uint32_t index = run->index;

	log_error("the start of a task was not stored; it waits",
		  log_int("result", (int64_t)r->id), log_errno(err));
	if (run->engine)
		run->engine->not_before = mono_usec() + STORE_AGAIN;
	sched_kick_after(c, STORE_AGAIN);
	task_unclaim(r, run->index);
	run_free(run);
	if (r->doomed)
		result_doom(r);
	else if (r->aborting)
		result_end_waiting(r, &aborted);
	else if (r->task[index].aborting)
		task_end_pending(r, index, &aborted);
}

static void started(struct store_op *op)
{
	static const struct ending aborted = {.event = EVENT_ABORT};
	struct controller *c = op->arg;
	struct run *run = run_find(c, op->task.row.msg_id);
	struct result *r = result_find(c, op->task.row.result);
	bool here = !op->task.want_input;
	struct ending refused = {.event = EVENT_FAIL,
				 .ename = "UnsupportedOption"};
	struct bytes code, input;
	int err;

	assert(run && r);
	if (op->err || r->doomed) {
		not_started(r, run, op->err ? op->err : -ENOSPC);
		return;
	}
	task_apply(r, &op->task.row, EVENT_START);
	run->phase = RUN_SENT;
	flight_begins(run);
	if (run->abort) {
		run_end(run, &aborted, NULL);
		return;
	}
	if (!run->engine) {
		run_put_back(r, run);
		return;
	}
	refused.evalue = call_refusal(run, r);
	if (refused.evalue) {
		run_end(run, &refused, NULL);
		return;
	}
	code = buf_bytes(here ? &r->code : &op->task.code);
	input = buf_bytes(here ? &r->stdin_ : &op->task.stdin_);
	err = send_task(r, run, code, input);
	if (err) {
		log_warning("an engine cannot be reached, its task waits",
			    log_int("engine", run->engine->id),
			    log_int("result", (int64_t)r->id), log_errno(err));
		run->engine->not_before = mono_usec() + UNREACHABLE;
		sched_kick_after(c, UNREACHABLE);
		run_put_back(r, run);
	}
}

/* A client's task that did not go out waits again, or cannot any more. */
static void not_sent(struct result *r, uint32_t index, struct engine *e,
		     int err)
{
	static const struct ending gone = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the message of the task is gone",
	};

	task_unclaim(r, index);
	if (err == -ENOENT) {
		task_end_pending(r, index, &gone);
		return;
	}
	e->not_before = mono_usec() + UNREACHABLE;
	sched_kick_after(r->c, UNREACHABLE);
}

void run_start(struct result *r, uint32_t index, struct engine *e)
{
	struct controller *c = r->c;
	struct store_op *op;
	struct run *run;
	struct task_id task = {r->id, index, r->task[index].attempt + 1U};
	char id[TASK_ID_SIZE];
	int err;

	if (r->wired) {
		err = relay_send(r, e);
		if (err)
			not_sent(r, index, e, err);
		return;
	}
	task_id_format(c->cluster, &task, id);
	run = run_new(r, index, id, e);
	run->attempt = task.attempt;
	op = store_op_new(STORE_START);
	op->task.row = task_row(r, index);
	free(op->task.row.msg_id);
	free(op->task.row.engine_uuid);
	op->task.row.msg_id = xstrdup(id);
	op->task.row.engine_uuid = xstrdup(e->uuid);
	op->task.row.engine = e->id;
	op->task.row.state = STATE_RUNNING;
	op->task.row.attempt = run->attempt;
	op->task.row.started = now_usec();
	op->task.row.began = result_age(r);
	op->task.want_input = !result_keeps_input(r);
	op->arg = c;
	op->done = started;
	store_put(c->store, op);
}

void run_restore(struct result *r, uint32_t index)
{
	struct task *t = &r->task[index];
	const struct details *d = t->details;
	static const struct ending lost = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the controller ended while the task ran, and its "
			  "engine is not known any more",
	};
	struct engine *e = NULL;
	struct run *run;

	if (d && d->engine_uuid && (!r->wired || r->c->config.upstream))
		e = engine_by_uuid(r->c, bytes_str(d->engine_uuid));
	if (!d || !d->msg_id)
		return;
	run = run_new(r, index, d->msg_id, e);
	run->phase = RUN_SENT;
	run->restored = true;
	run->other = r->wired && r->c->config.upstream;
	if (!e && !run->other)
		run_end(run, &lost, NULL);
}

struct run *run_relayed(struct result *r, const char *msg_id, struct engine *e,
			struct wire *w)
{
	struct run *run = run_new(r, 0, msg_id, e);

	run->attempt = r->task[0].attempt + 1U;
	run->phase = RUN_SENT;
	flight_begins(run);
	run->wire = w;
	return run;
}

