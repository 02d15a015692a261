#include "base/base.h"
#include "ending.h"

#include "apply.h"
#include "base/log.h"
#include "lifetime.h"
#include "model/ready.h"
#include "model/tasks.h"
#include "run.h"

static const enum state_event event_of[STATES] = {
	[STATE_PENDING] = EVENT_REQUEUE,
	[STATE_OK] = EVENT_SUCCEED,
	[STATE_ERROR] = EVENT_FAIL,
	[STATE_ABORTED] = EVENT_ABORT,
};

static bool output_is_broken(const struct task *t)
{
	int i;

	for (i = 0; t->out && i < STREAM_OUTPUTS; i++)
		if (t->out->of[i].err)
			return true;
	return false;
}

/*
 * A piece of an output could not be stored, the end could: the task has failed
 * over that, and keeps as much as there is without a hole.
 */
static void put_broken(struct result *r, struct task_row *row)
{
	struct task *t = &r->task[row->index];
	struct store_op *op = store_op_new(STORE_TASK);
	int i;

	op->task.row = *row;
	*row = (struct task_row){0};
	row = &op->task.row;
	t->told_broken = true;
	row->state = STATE_ERROR;
	free(row->ename);
	free(row->evalue);
	row->ename = xstrdup("StoreError");
	row->evalue = NULL;
	for (i = 0; i < STREAM_OUTPUTS; i++) {
		int err = t->out->of[i].err;

		if (!err)
			continue;
		row->size[i] = t->out->of[i].whole;
		free(row->evalue);
		row->evalue = xasprintf("the controller could not store %s: %s",
					stream_name((enum stream)i),
					strerror(-err));
	}
	task_put_end(r->c, op);
}

/* A client's task whose start could not be stored: this row says it, too. */
static void begin_late(struct result *r, const struct task_row *end)
{
	struct task_row row = task_row(r, end->index);

	free(row.engine_uuid);
	row.engine = end->engine;
	row.engine_uuid = str_copy(end->engine_uuid);
	row.attempt = end->attempt;
	row.started = end->started;
	row.began = end->began;
	task_apply(r, &row, EVENT_START);
	task_row_done(&row);
}

/* The end is stored: the engine may forget the reply. */
static void tell_stored(struct controller *c, const struct task_row *row)
{
	struct engine *e = NULL;

	if (row->engine_uuid)
		e = engine_by_uuid(c, bytes_str(row->engine_uuid));
	if (e && row->msg_id && e->run_ops->stored)
		e->run_ops->stored(e, row->msg_id);
}

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
	if (output_is_broken(t) && row->state != STATE_PENDING &&
	    !state_is_final((enum state)t->state) && !t->told_broken) {
		put_broken(r, row);
		return;
	}
	tell_stored(c, row);
	if (run && run->phase == RUN_ENDING)
		run_free(run);
	if (r->doomed) {
		if (r->ops->ended)
			r->ops->ended(r);
		task_unclaim(r, row->index);
		result_doom(r);
		return;
	}
	if (t->state == STATE_PENDING &&
	    state_next(STATE_PENDING, event) == STATE_NONE)
		begin_late(r, row);
	if (state_next((enum state)t->state, event) != STATE_NONE)
		task_apply(r, row, event);
	if (r->ops->ended && state_is_final(result_state(r)))
		r->ops->ended(r);
}

/* It is told in `unstored` until an end of the result can be stored. */
static void note_unstored(struct controller *c, const struct store_op *op)
{
	struct result *r = result_find(c, op->task.row.result);

	if (!r || r->unstored == op->err)
		return;
	r->unstored = op->err;
	result_changed(r, CHANGED_STATE);
}

static void end_done(struct store_op *op)
{
	static struct log_limit limit;
	struct controller *c = op->arg;
	struct store_op *again;
	unsigned skipped;

	note_unstored(c, op);
	if (!op->err) {
		ended(op);
		return;
	}
	if (log_allowed(&limit, 3, 10 * USEC_PER_SEC, &skipped))
		log_error("the end of a task was not stored; trying again",
			  log_int("result", (int64_t)op->task.row.result),
			  log_errno(op->err), log_int("not_logged", skipped));
	again = store_op_new(STORE_TASK);
	again->task.row = op->task.row;
	op->task.row = (struct task_row){0};
	again->arg = c;
	again->done = end_done;
	store_put_again(c, again);
}

void store_put_again(struct controller *c, struct store_op *op)
{
	list_add_tail(&c->runs->not_stored, &op->link);
	if (!timer_is_set(&c->runs->again))
		timer_set(c->loop, &c->runs->again, STORE_AGAIN);
}

static void store_again(struct timer *t)
{
	struct controller *c = container_of(t, struct runs, again)->c;
	struct list now = LIST_INIT(now);

	while (!list_empty(&c->runs->not_stored)) {
		struct list *l = c->runs->not_stored.next;

		list_del(l);
		list_add_tail(&now, l);
	}
	while (!list_empty(&now)) {
		struct store_op *op = list_first(&now, struct store_op, link);

		list_del(&op->link);
		store_put(c->store, op);
	}
}

void runs_init(struct controller *c)
{
	c->runs = zalloc(sizeof(*c->runs));
	c->runs->c = c;
	list_init(&c->runs->not_stored);
	c->runs->again.fire = store_again;
}

void task_put_end(struct controller *c, struct store_op *op)
{
	op->arg = c;
	op->done = end_done;
	store_put(c->store, op);
}

void task_known_outputs(struct result *r, uint32_t index,
			       struct task_row *row)
{
	struct outputs *out = r->task[index].out;
	int i;

	for (i = 0; out && i < STREAM_OUTPUTS; i++) {
		row->size[i] = out->of[i].size;
		row->in_file[i] = out->of[i].in_file;
		buf_put(&row->bytes[i], out->of[i].mem.p, out->of[i].mem.n);
	}
}

static bool wants_retry(struct result *r, const struct run *run,
			const struct ending *how, const struct task_row *row)
{
	if (how->event != EVENT_FAIL || run->abort || r->aborting ||
	    r->task[run->index].aborting)
		return false;
	return r->ops->retries(r, run, how, row);
}

static void fill_end(const struct result *r, struct task_row *row,
		     const struct ending *how)
{
	row->state = how->event == EVENT_SUCCEED ? STATE_OK
		     : how->event == EVENT_ABORT ? STATE_ABORTED
						 : STATE_ERROR;
	row->received = now_usec();
	if (!row->completed)
		row->completed = row->received;
	row->elapsed = result_age(r);
	if (row->started && row->ran < 0)
		task_row_ran(r, row, -1, 0);
	row->ename = str_copy(how->ename);
	row->evalue = str_copy(how->evalue);
	row->traceback = str_copy(how->traceback);
}

/*
 * "1 0 START END OUTCOME BEGAN RAN": the try, its engine, two dates, a word ("lost" is
 * one that may go on); in seconds: when it began since the submission, and how long
 * it ran.
 */
static void add_attempt(struct task_row *row, int64_t engine,
			const struct ending *how)
{
	static const char *const outcome[STATE_EVENTS] = {
		[EVENT_SUCCEED] = "ok",
		[EVENT_ABORT] = "aborted",
	};
	char start[DATE_SIZE], end[DATE_SIZE];
	const char *word = outcome[how->event] ? outcome[how->event]
			   : how->unknown	? "lost"
						: how->ename;
	/* One word alone: the name that an engine gives its error may be several. */
	int n = word ? (int)strcspn(word, " \t\r\n\v\f") : 0;
	char *old = row->attempts;

	date_format(row->started, start);
	date_format(row->completed ? row->completed : now_usec(), end);
	row->attempts = xasprintf("%s%u %lld %s %s %.*s %.6f %.6f\n", old ? old : "",
				  row->attempt, (long long)engine, start, end,
				  n ? n : 5, n ? word : "error",
				  (double)row->began / 1e6,
				  (double)row->ran / 1e6);
	free(old);
}

/* The run ends with that row: it leaves its engine, and lasts until the row is
 * stored. */
static void put_end(struct run *run, struct store_op *op)
{
	struct controller *c = run->c;

	run->phase = RUN_ENDING;
	run_leave_engine(run);
	task_put_end(c, op);
}

void run_retry(struct run *run, const struct ending *how)
{
	struct result *r = result_find(run->c, run->result);
	struct store_op *op = store_op_new(STORE_TASK);
	int64_t engine = r->task[run->index].engine;

	op->task.row = task_row(r, run->index);
	op->task.row.state = STATE_PENDING;
	op->task.row.engine = -1;
	op->task.row.attempt = run->attempt;
	/* No engine takes the same signed bytes twice. */
	if (r->ops->is_message && run->engine)
		result_avoid(r, run->engine->id);
	if (!op->task.row.started) {
		op->task.row.started = now_usec();
		op->task.row.began = result_age(r);
	}
	task_row_ran(r, &op->task.row, -1, 0);
	add_attempt(&op->task.row, run->engine ? run->engine->id : engine, how);
	op->task.row.started = op->task.row.began = 0;
	op->task.row.ran = -1;
	log_info("a task failed and will be tried again",
		 log_int("result", (int64_t)r->id),
		 log_int("attempt", run->attempt), log_str("ename", how->ename),
		 log_str("why", how->evalue));
	put_end(run, op);
}

void run_end(struct run *run, const struct ending *how, struct task_row *row)
{
	struct result *r = result_find(run->c, run->result);
	struct store_op *op;

	assert(r);
	if (run->phase == RUN_ENDING)
		return;
	run_begun(run);
	if (wants_retry(r, run, how, row)) {
		if (row)
			task_row_done(row);
		run->c->count.retried++;
		run_retry(run, how);
		return;
	}
	if (!row && run->ops->failed)
		run->ops->failed(run, how);
	op = store_op_new(STORE_TASK);
	op->task.row = row ? *row : task_row(r, run->index);
	if (!row)
		task_known_outputs(r, run->index, &op->task.row);
	fill_end(r, &op->task.row, how);
	add_attempt(&op->task.row, op->task.row.engine, how);
	run->failing = r->halt && op->task.row.state == STATE_ERROR;
	r->failing += run->failing;
	put_end(run, op);
}

void task_end_pending(struct result *r, uint32_t index,
		      const struct ending *how)
{
	struct store_op *op = store_op_new(STORE_TASK);

	/* Nobody begins the task while its end is being stored. */
	task_claim(r, index);
	op->task.row = task_row(r, index);
	fill_end(r, &op->task.row, how);
	task_put_end(r->c, op);
}

