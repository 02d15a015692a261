#include "base/base.h"
#include "run.h"

#include "base/log.h"
#include "base/parse.h"
#include "events.h"
#include "relay.h"
#include "sched.h"

/* After the store refused the end of a run (a full disk, say). */
#define STORE_AGAIN USEC_PER_SEC
/* An engine that is not there for its ROUTER: tried again after this. */
#define UNREACHABLE (100 * USEC_PER_MSEC)

static void put_end(struct controller *c, struct store_op *op);

static struct run *run_new(struct result *r, uint32_t index, const char *msg_id,
			   struct engine *e)
{
	struct run *run = zalloc(sizeof(*run));

	run->c = r->c;
	run->msg_id = xstrdup(msg_id);
	run->result = r->id;
	run->index = index;
	run->engine = e;
	run->attempt = r->task[index].attempt;
	list_init(&run->engine_link);
	if (e) {
		list_add_tail(&e->runs, &run->engine_link);
		e->load++;
		engine_changed(e);
	}
	map_put(&r->c->runs, bytes_str(msg_id), run);
	return run;
}

static void leave_engine(struct run *run)
{
	struct engine *e = run->engine;

	if (!e)
		return;
	run->engine = NULL;
	list_del(&run->engine_link);
	e->load--;
	engine_changed(e);
	sched_kick(run->c);
}

static void run_free(struct run *run)
{
	leave_engine(run);
	if (map_get(&run->c->runs, bytes_str(run->msg_id)) == run)
		map_remove(&run->c->runs, bytes_str(run->msg_id));
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

/* Buffers to go with a task, at most two. */
struct inputs {
	struct bytes b[2];
	unsigned n;
};

static struct json_object *task_metadata(const struct result *r,
					 const struct run *run,
					 struct bytes code, struct bytes input,
					 struct inputs *in)
{
	static const char *const passed[] = {"args", "env", "cwd",
					     "time_limit"};
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
	json_add(meta, "taskfs", t);
	json_object_put(options);
	return meta;
}

static int send_task(struct result *r, struct run *run, struct bytes code,
		     struct bytes input)
{
	struct bytes ident = engine_ident(run->engine);
	struct json_object *content = json_object_new_object();
	struct inputs in = {0};
	struct msg_out out = {
		.type = MSG_EXECUTE_REQUEST,
		.msg_id = run->msg_id,
		.content = content,
		.idents = &ident,
		.nidents = 1,
	};
	int err;

	if (run->engine->taskfs)
		out.metadata = task_metadata(r, run, code, input, &in);
	json_add_bytes(content, "code", code);
	json_add_bool(content, "silent", run->engine->taskfs);
	json_add(content, "user_expressions", json_object_new_object());
	json_add_bool(content, "store_history", false);
	json_add_bool(content, "allow_stdin", false);
	json_add_bool(content, "stop_on_error", false);
	out.buffers = in.b;
	out.nbuffers = in.n;
	err = msg_send(sock_of(run->c, S_TASK_OUT), &run->c->session, &out);
	json_object_put(out.metadata);
	json_object_put(content);
	return err;
}

/* --- starting ----------------------------------------------------------- */

/*
 * What was begun did not reach an engine: it waits again, and that was no try.
 * The next has the same msg_id, so that an engine that has it after all knows
 * it again.
 */
static void put_back(struct result *r, struct run *run)
{
	struct store_op *op = store_op_new(STORE_TASK);

	op->task.row = task_row(r, run->index);
	op->task.row.state = STATE_PENDING;
	op->task.row.engine = -1;
	op->task.row.started = 0;
	op->task.row.attempt = run->attempt - 1;
	run_free(run);
	put_end(r->c, op);
}

static void not_started(struct result *r, struct run *run, int err)
{
	struct controller *c = r->c;

	log_error("the start of a task was not stored; it waits",
		  log_int("result", (int64_t)r->id), log_errno(err));
	if (run->engine)
		run->engine->not_before = mono_usec() + STORE_AGAIN;
	sched_kick_after(c, STORE_AGAIN);
	task_unclaim(r, run->index);
	run_free(run);
	if (r->doomed)
		result_doom(r);
}

static void started(struct store_op *op)
{
	static const struct ending aborted = {.event = EVENT_ABORT};
	struct controller *c = op->arg;
	struct run *run = run_find(c, op->task.row.msg_id);
	struct result *r = result_find(c, op->task.row.result);
	bool here = !op->task.want_input;
	struct bytes code, input;
	int err;

	assert(run && r);
	if (op->err || r->doomed) {
		not_started(r, run, op->err ? op->err : -ENOSPC);
		return;
	}
	task_apply(r, &op->task.row, EVENT_START);
	run->phase = RUN_SENT;
	if (run->abort) {
		run_end(run, &aborted, NULL);
		return;
	}
	if (!run->engine) {
		put_back(r, run);
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
		put_back(r, run);
	}
}

void run_start(struct result *r, uint32_t index, struct engine *e)
{
	struct controller *c = r->c;
	struct store_op *op;
	struct run *run;
	char id[128];

	if (r->wired) {
		(void)!relay_send(r, e);
		return;
	}
	snprintf(id, sizeof(id), "%s_%llu_%u_%u", c->cluster,
		 (unsigned long long)r->id, index,
		 r->task[index].attempt + 1U);
	run = run_new(r, index, id, e);
	run->attempt = r->task[index].attempt + 1U;
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
	op->task.want_input = !r->input_here;
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

	if (d && d->engine_uuid && !r->wired)
		e = engine_by_uuid(r->c, bytes_str(d->engine_uuid));
	if (!d || !d->msg_id)
		return;
	run = run_new(r, index, d->msg_id, e);
	run->phase = RUN_SENT;
	run->restored = true;
	if (!e)
		run_end(run, &lost, NULL);
}

struct run *run_relayed(struct result *r, const char *msg_id, struct engine *e,
			struct wire *w)
{
	struct run *run = run_new(r, 0, msg_id, e);

	run->attempt = r->task[0].attempt + 1U;
	run->phase = RUN_SENT;
	run->wire = w;
	return run;
}

/* --- ending ------------------------------------------------------------- */

static void tell_stored(struct controller *c, const struct task_row *row)
{
	struct json_object *content, *ids;
	struct engine *e = NULL;
	struct bytes ident;
	struct msg_out out = {.type = MSG_STORED, .nidents = 1};

	if (row->engine_uuid)
		e = engine_by_uuid(c, bytes_str(row->engine_uuid));
	if (!e || !e->taskfs || !row->msg_id)
		return;
	ident = engine_ident(e);
	content = json_object_new_object();
	ids = json_object_new_array();
	json_push(ids, json_text(bytes_str(row->msg_id)));
	json_add(content, "msg_ids", ids);
	out.content = content;
	out.idents = &ident;
	/* An engine that is not there asks again when it comes back. */
	(void)!msg_send(sock_of(c, S_TASK_OUT), &c->session, &out);
	json_object_put(content);
}

static const enum state_event event_of[STATES] = {
	[STATE_PENDING] = EVENT_REQUEUE,
	[STATE_OK] = EVENT_SUCCEED,
	[STATE_ERROR] = EVENT_FAIL,
	[STATE_ABORTED] = EVENT_ABORT,
};

static void ended(struct store_op *op)
{
	struct controller *c = op->arg;
	struct task_row *row = &op->task.row;
	struct run *run = run_find(c, row->msg_id);
	struct result *r = result_find(c, row->result);
	struct task *t = r ? result_task(r, row->index) : NULL;
	enum state_event event = event_of[row->state];

	if (!t)
		return;
	tell_stored(c, row);
	if (state_next((enum state)t->state, event) != STATE_NONE)
		task_apply(r, row, event);
	if (run && run->phase == RUN_ENDING)
		run_free(run);
}

static void end_done(struct store_op *op)
{
	struct controller *c = op->arg;
	struct store_op *again;

	if (!op->err) {
		ended(op);
		return;
	}
	log_error("the end of a task was not stored; trying again",
		  log_int("result", (int64_t)op->task.row.result),
		  log_errno(op->err));
	again = store_op_new(STORE_TASK);
	again->task.row = op->task.row;
	op->task.row = (struct task_row){0};
	list_add_tail(&c->not_stored, &again->link);
	if (!timer_is_set(&c->store_again))
		timer_set(c->loop, &c->store_again, STORE_AGAIN);
}

static void store_again(struct timer *t)
{
	struct controller *c = container_of(t, struct controller, store_again);
	struct list now = LIST_INIT(now);

	while (!list_empty(&c->not_stored)) {
		struct list *l = c->not_stored.next;

		list_del(l);
		list_add_tail(&now, l);
	}
	while (!list_empty(&now)) {
		struct store_op *op = list_first(&now, struct store_op, link);

		list_del(&op->link);
		put_end(c, op);
	}
}

void runs_init(struct controller *c)
{
	list_init(&c->not_stored);
	c->store_again.fire = store_again;
}

/* A last word on a task (or that it waits again): until it is stored. */
static void put_end(struct controller *c, struct store_op *op)
{
	op->arg = c;
	op->done = end_done;
	store_put(c->store, op);
}

/* What is known of the outputs goes into the row. */
static void take_known_outputs(struct result *r, uint32_t index,
			       struct task_row *row)
{
	struct outputs *out = r->task[index].out;
	int i;

	for (i = 0; out && i < STREAMS; i++) {
		row->size[i] = out->of[i].size;
		row->in_file[i] = out->of[i].in_file;
		buf_put(&row->bytes[i], out->of[i].mem.p, out->of[i].mem.n);
	}
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static bool wants_retry(const struct result *r, const struct run *run,
			const struct ending *how)
{
	return how->event == EVENT_FAIL && run->attempt <= r->retries &&
	       !run->abort;
}

static void fill_end(struct task_row *row, const struct ending *how)
{
	row->state = how->event == EVENT_SUCCEED ? STATE_OK
		     : how->event == EVENT_ABORT ? STATE_ABORTED
						 : STATE_ERROR;
	row->received = now_usec();
	if (!row->completed)
		row->completed = row->received;
	row->ename = copy(how->ename);
	row->evalue = copy(how->evalue);
	row->traceback = copy(how->traceback);
}

void run_end(struct run *run, const struct ending *how, struct task_row *row)
{
	struct controller *c = run->c;
	struct result *r = result_find(c, run->result);
	struct store_op *op;

	assert(r);
	if (run->phase == RUN_ENDING)
		return;
	op = store_op_new(STORE_TASK);
	if (run->wire && !row) {
		relay_failed(run->wire, how);
		run->wire = NULL;
	}
	if (wants_retry(r, run, how)) {
		if (row)
			task_row_done(row);
		op->task.row = task_row(r, run->index);
		op->task.row.state = STATE_PENDING;
		op->task.row.engine = -1;
		op->task.row.started = 0;
		log_info("a task failed and will be tried again",
			 log_int("result", (int64_t)r->id),
			 log_int("attempt", run->attempt),
			 log_str("ename", how->ename));
	} else {
		op->task.row = row ? *row : task_row(r, run->index);
		if (!row)
			take_known_outputs(r, run->index, &op->task.row);
		fill_end(&op->task.row, how);
	}
	run->phase = RUN_ENDING;
	leave_engine(run);
	put_end(c, op);
}

void task_end_pending(struct result *r, uint32_t index,
		      const struct ending *how)
{
	struct store_op *op = store_op_new(STORE_TASK);

	/* Nobody begins it while that is being stored. */
	task_claim(r, index);
	op->task.row = task_row(r, index);
	fill_end(&op->task.row, how);
	put_end(r->c, op);
}

/* --- messages of engines ------------------------------------------------ */

static void read_usage(struct json_object *t, struct task_row *row)
{
	struct json_object *u = json_get_object(t, "usage");

	row->user = json_real_or(u, "user", -1);
	row->system = json_real_or(u, "system", 0);
	row->memory = json_int_or(u, "memory", 0);
}

/* The end of each output that was not sent before comes with the reply. */
static void read_outputs(struct result *r, struct run *run, struct msg *m,
			 struct json_object *t, struct task_row *row)
{
	struct json_object *buffers = json_get_object(t, "buffers");
	struct outputs *out;
	int i;

	for (i = 0; i < STREAMS; i++) {
		const char *name = stream_name((enum stream)i);
		uint64_t total = (uint64_t)json_int_or(t, name, 0);
		struct bytes tail;

		out = r->task[run->index].out;
		if (msg_named_buffer(m, buffers, name, &tail) &&
		    (tail.n > total ||
		     !task_output(r, run->index, (enum stream)i,
				  total - tail.n, tail)))
			total = UINT64_MAX;
		out = r->task[run->index].out;
		if (total != (out ? out->of[i].size : 0)) {
			r->c->count.bad_outputs++;
			log_warning("an output is not complete",
				    log_int("result", (int64_t)r->id),
				    log_str("stream", name));
		}
	}
	take_known_outputs(r, run->index, row);
}

static void read_error(struct json_object *content, struct ending *how,
		       struct buf *traceback)
{
	struct json_object *lines = json_get_array(content, "traceback");
	size_t i;

	how->ename = json_get_str(content, "ename", NULL);
	how->evalue = json_get_str(content, "evalue", NULL);
	for (i = 0; lines && i < json_object_array_length(lines); i++) {
		buf_puts(traceback, json_object_get_string(
					    json_object_array_get_idx(lines, i)));
		buf_putc(traceback, '\n');
		if (traceback->n > LIMIT_ERROR)
			break;
	}
	if (traceback->n > LIMIT_ERROR)
		buf_cut(traceback, LIMIT_ERROR);
	if (traceback->n)
		how->traceback = buf_str(traceback);
	if (!how->ename)
		how->ename = "Error";
}

static void read_reply(struct result *r, struct run *run, struct msg *m,
		       struct task_row *row)
{
	struct json_object *t = json_get_object(m->metadata, "taskfs");
	const char *date = json_get_str(m->metadata, "started", NULL);
	const char *cwd = json_get_str(t, "cwd", NULL);

	if (date)
		(void)!date_parse(bytes_str(date), &row->started);
	row->completed = json_int_or(t, "completed", now_usec());
	row->exit_status = (int)json_int_or(t, "exit_status", -1);
	row->signal = (int)json_int_or(t, "signal", -1);
	row->value_is_stdout = json_bool_or(t, "value_is_stdout", false);
	row->cwd = copy(cwd);
	read_usage(t, row);
	read_outputs(r, run, m, t, row);
}

void run_on_reply(struct controller *c, struct engine *e, struct msg *m)
{
	const char *msg_id = json_get_str(m->parent, "msg_id", NULL);
	const char *status = json_get_str(m->content, "status", NULL);
	struct run *run = run_find(c, msg_id);
	struct buf traceback = BUF_INIT;
	struct ending how = {.event = EVENT_FAIL};
	struct task_row row;
	struct result *r;

	if (!run || run->engine != e || run->phase != RUN_SENT) {
		struct task_row told = {
			.msg_id = (char *)(uintptr_t)msg_id,
			.engine_uuid = e->uuid,
		};

		/* Given up, or told before: the engine may forget it. */
		c->count.late_replies++;
		if (!run || run->phase != RUN_ENDING)
			tell_stored(c, &told);
		return;
	}
	r = result_find(c, run->result);
	assert(r);
	row = task_row(r, run->index);
	read_reply(r, run, m, &row);
	if (status && strcmp(status, "ok") == 0)
		how.event = EVENT_SUCCEED;
	else if (status && strcmp(status, "aborted") == 0)
		how.event = EVENT_ABORT;
	else
		read_error(m->content, &how, &traceback);
	e->completed++;
	run_end(run, &how, &row);
	buf_done(&traceback);
}

void run_on_output(struct controller *c, struct engine *e, struct msg *m)
{
	const char *msg_id = json_get_str(m->content, "msg_id", NULL);
	int s = stream_parse(json_get_str(m->content, "stream", NULL));
	int64_t offset = json_int_or(m->content, "offset", -1);
	struct run *run = run_find(c, msg_id);
	struct result *r = run ? result_find(c, run->result) : NULL;

	if (!r || run->engine != e || run->phase != RUN_SENT)
		return;
	if (s < 0 || s >= STREAMS || offset < 0 ||
	    !task_output(r, run->index, (enum stream)s, (uint64_t)offset,
			 msg_buffer(m, 0)))
		c->count.bad_outputs++;
}

/* --- ctl ---------------------------------------------------------------- */

static int send_kill(struct run *run, int signo, bool abort_it)
{
	struct bytes ident = engine_ident(run->engine);
	struct json_object *content = json_object_new_object();
	struct msg_out out = {
		.type = MSG_KILL_REQUEST,
		.content = content,
		.idents = &ident,
		.nidents = 1,
	};
	int err;

	json_add_str(content, "msg_id", run->msg_id);
	json_add_bool(content, "abort", abort_it);
	if (signo)
		json_add_int(content, "signal", signo);
	err = msg_send(sock_of(run->c, S_CONTROL_OUT), &run->c->session, &out);
	json_object_put(content);
	return err;
}

/* The run of a task, found through its engine: there are few per engine. */
static struct run *run_of(struct result *r, uint32_t index)
{
	struct map_iter it = {0};
	struct list *l, *m;

	while (map_next(&r->c->engines, &it)) {
		struct engine *e = it.value;

		list_for_each_safe(l, m, &e->runs) {
			struct run *run =
				list_entry(l, struct run, engine_link);

			if (run->result == r->id && run->index == index)
				return run;
		}
	}
	return NULL;
}

static int run_signal(struct run *run, int signo, bool abort_it)
{
	if (run->phase == RUN_STARTING) {
		if (!abort_it)
			return -EAGAIN;
		run->abort = true;
		return 0;
	}
	if (!run->engine || !run->engine->taskfs)
		return -EOPNOTSUPP;
	run->abort |= abort_it;
	return send_kill(run, signo, abort_it);
}

int result_abort(struct result *r)
{
	static const struct ending how = {.event = EVENT_ABORT};
	int err = -ESRCH, one;
	uint64_t i;

	for (i = 0; i < r->ntasks; i++) {
		struct run *run = run_of(r, (uint32_t)i);

		if (state_is_final((enum state)r->task[i].state))
			continue;
		one = 0;
		if (run)
			one = run_signal(run, 0, true);
		else if (task_is_waiting(&r->task[i]))
			task_end_pending(r, (uint32_t)i, &how);
		else
			continue; /* its end is being stored */
		if (err == -ESRCH || one)
			err = one;
	}
	return err;
}

int result_signal(struct result *r, int signo)
{
	int err = -ESRCH, one;
	uint64_t i;

	for (i = 0; i < r->ntasks; i++) {
		struct run *run = run_of(r, (uint32_t)i);

		if (!run)
			continue;
		one = run_signal(run, signo, false);
		if (err == -ESRCH || one)
			err = one;
	}
	if (err == -ESRCH && !state_is_final(result_state(r)))
		err = -EAGAIN;
	return err;
}

/* --- engines come back and go ------------------------------------------- */

static bool named(struct json_object *ids, const char *msg_id)
{
	size_t i, n = ids ? json_object_array_length(ids) : 0;

	for (i = 0; i < n; i++) {
		const char *s = json_object_get_string(
			json_object_array_get_idx(ids, i));

		if (s && strcmp(s, msg_id) == 0)
			return true;
	}
	return false;
}

static void add_unwanted(struct controller *c, const struct engine *e,
			 struct json_object *ids, struct json_object *drop)
{
	size_t i, n = ids ? json_object_array_length(ids) : 0;

	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(ids, i);
		struct run *run = run_find(c, json_object_get_string(v));

		if (!run || run->engine != e || run->phase == RUN_ENDING)
			json_push(drop, json_object_get(v));
	}
}

void runs_reclaim(struct engine *e, struct json_object *running,
		  struct json_object *finished, struct json_object *ret_drop)
{
	struct list *l, *tmp;

	add_unwanted(e->c, e, running, ret_drop);
	add_unwanted(e->c, e, finished, ret_drop);
	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);
		struct result *r = result_find(e->c, run->result);

		if (run->phase != RUN_SENT || !run->restored)
			continue;
		run->restored = false;
		if (named(running, run->msg_id) ||
		    named(finished, run->msg_id))
			continue;
		/* It never got there: the engine keeps all until stored. */
		log_info("a task did not reach its engine and waits again",
			 log_int("result", (int64_t)run->result),
			 log_int("engine", e->id));
		put_back(r, run);
	}
}

void runs_engine_gone(struct engine *e)
{
	struct buf why = BUF_INIT;
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);
		struct ending how = {
			.event = run->abort ? EVENT_ABORT : EVENT_FAIL,
			.ename = "EngineError",
		};

		if (run->phase == RUN_STARTING) {
			leave_engine(run);
			continue;
		}
		buf_clear(&why);
		buf_printf(&why, "engine %lld (pid %lld on %s) died while "
				 "running the task",
			   (long long)e->id, (long long)e->pid,
			   e->host ? e->host : "an unknown host");
		how.evalue = buf_str(&why);
		run_end(run, &how, NULL);
	}
	buf_done(&why);
}
