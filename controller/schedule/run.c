#include "base/base.h"
#include "run.h"

#include "ahead.h"
#include "apply.h"
#include "base/log.h"
#include "ending.h"
#include "lifetime.h"
#include "model/queues.h"
#include "model/ready.h"
#include "model/tasks.h"
#include "retry.h"
#include "sched.h"
#include "unbegun.h"

/* An engine that its ROUTER cannot reach is tried again after this. */
#define UNREACHABLE (100 * USEC_PER_MSEC)

/* For a run from before a restart whose engine is not known: the run ends at once. */
static const struct run_ops no_ops;

/* What does not stand here changes nothing. */
static const enum run_trace next[RUN_TRACES][RUN_SIGNS] = {
	[RUN_UNHEARD] = {
		[SIGN_HEARD] = RUN_HEARD,
		[SIGN_MISSING] = RUN_MISSING,
		[SIGN_CLAIMED] = RUN_HEARD,
		[SIGN_CUT] = RUN_RESTORED,
		[SIGN_ANSWERED] = RUN_ANSWERED,
	},
	[RUN_UNSURE] = {
		[SIGN_HEARD] = RUN_HEARD,
		[SIGN_MISSING] = RUN_MISSING,
		[SIGN_CLAIMED] = RUN_HEARD,
		[SIGN_CUT] = RUN_RESTORED,
		[SIGN_ANSWERED] = RUN_ANSWERED,
	},
	[RUN_MISSING] = {
		[SIGN_HEARD] = RUN_HEARD,
		[SIGN_CLAIMED] = RUN_HEARD,
		[SIGN_CUT] = RUN_RESTORED,
		[SIGN_ANSWERED] = RUN_ANSWERED,
	},
	[RUN_HEARD] = {
		[SIGN_CUT] = RUN_RESTORED,
		[SIGN_UNSURE] = RUN_UNSURE,
		[SIGN_ANSWERED] = RUN_ANSWERED,
	},
	[RUN_RESTORED] = {
		[SIGN_CLAIMED] = RUN_HEARD,
		[SIGN_ANSWERED] = RUN_ANSWERED,
	},
};

void run_note(struct run *run, enum run_sign sign)
{
	enum run_trace trace = next[run->trace][sign];

	if (trace != RUN_UNHEARD)
		run->trace = trace;
}

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
	run->needs = needs_use(r->needs);
	run->attempt = r->task[index].attempt;
	run->ops = e ? e->run_ops : &no_ops;
	list_init(&run->engine_link);
	r->active++;
	run->queue = r->queue;
	if (run->queue)
		run->queue->active++;
	if (e) {
		list_add_tail(&e->runs, &run->engine_link);
		engine_add_load(e, run->needs, 1);
		engine_changed(e);
	}
	old = map_put(&r->c->runs->by_msg_id, bytes_str(msg_id), run);
	assert(!old);
	(void)old;
	return run;
}

/* The row of its start. */
static struct task_row start_row(struct result *r, const struct run *run)
{
	const struct engine *e = run->engine;
	struct task_row row = task_row(r, run->index);

	free(row.msg_id);
	free(row.engine_uuid);
	row.msg_id = xstrdup(run->msg_id);
	row.engine_uuid = xstrdup(e->uuid);
	row.engine = e->id;
	row.state = STATE_RUNNING;
	row.attempt = run->attempt;
	row.started = now_usec();
	row.began = result_age(r);
	return row;
}

/* It waits no more, and its start is stored or will be. */
static void has_begun(struct run *run)
{
	struct result *r = result_find(run->c, run->result);
	struct task_row row;

	if (run->phase != RUN_SENT || !r)
		return;
	row = start_row(r, run);
	task_apply(r, &row, EVENT_START);
	task_row_done(&row);
}

void run_begun(struct run *run)
{
	if (!run->ahead)
		return;
	ahead_remove(run);
	has_begun(run);
	engine_changed(run->engine);
}

/* The engine has a slot for it: it begins what came first. */
static void begin_ahead(struct engine *e)
{
	struct run *run;

	while ((run = ahead_next(e)) != NULL)
		has_begun(run);
}

void run_leave_engine(struct run *run)
{
	struct engine *e = run->engine;

	if (!e)
		return;
	ahead_remove(run);
	run->engine = NULL;
	list_del(&run->engine_link);
	if (run->trace != RUN_ANSWERED)
		engine_add_load(e, run->needs, -1);
	begin_ahead(e);
	engine_changed(e);
	sched_kick(run->c);
}

void run_answered(struct run *run)
{
	struct engine *e = run->engine;

	if (!e || run->trace == RUN_ANSWERED)
		return;
	run_note(run, SIGN_ANSWERED);
	/* The run moves behind what the engine works on now. */
	list_del(&run->engine_link);
	list_add_tail(&e->runs, &run->engine_link);
	engine_add_load(e, run->needs, -1);
	begin_ahead(e);
	engine_changed(e);
	sched_kick(run->c);
}

static void destroy(struct run *run)
{
	if (run->ops->free)
		run->ops->free(run);
	needs_drop(run->needs);
	free(run->msg_id);
	free(run);
}

void run_free(struct run *run)
{
	struct result *r = result_find(run->c, run->result);

	run_leave_engine(run);
	if (r) {
		r->active--;
		r->failing -= run->failing;
		if (r->max_running)
			ready_add(r);
	}
	if (run->queue) {
		run->queue->active--;
		sched_kick(run->c);
	}
	if (map_get(&run->c->runs->by_msg_id, bytes_str(run->msg_id)) == run)
		map_remove(&run->c->runs->by_msg_id, bytes_str(run->msg_id));
	destroy(run);
}

struct run *run_find(struct controller *c, const char *msg_id)
{
	return msg_id ? map_get(&c->runs->by_msg_id, bytes_str(msg_id)) : NULL;
}

/* Runs are found through the engines: there are few, and may be millions of tasks. */
int result_each_run(struct result *r, void *arg,
		    int (*f)(struct run *run, void *arg))
{
	struct map_iter it = {0};
	struct list *l, *tmp;
	int err = -ESRCH, one;

	while (map_next(&r->c->engines->by_id, &it)) {
		struct engine *e = it.value;

		list_for_each_safe(l, tmp, &e->runs) {
			struct run *run =
				list_entry(l, struct run, engine_link);

			if (run->result != r->id)
				continue;
			one = f(run, arg);
			if (one == -ESRCH)
				continue;
			if (err == -ESRCH || one)
				err = one;
		}
	}
	return err;
}

void runs_done(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->runs->by_msg_id, &it))
		destroy(it.value);
	map_done(&c->runs->by_msg_id);
	free(c->runs);
	c->runs = NULL;
}

/* --- starting ----------------------------------------------------------- */

/*
 * A task that was given to an engine did not reach it, or came back before it was
 * begun: it waits again, and that was no try. The next try has the same msg_id, so that an engine that has the task after
 * all knows it again.
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

void run_put_off(struct controller *c, struct engine *e)
{
	e->not_before = mono_usec() + UNREACHABLE;
	sched_kick_after(c, UNREACHABLE);
}

/* Larger than those before a restart, unless somebody sets the clock: then what an
 * engine says of those is not believed (returned.h). */
static int64_t next_number(struct controller *c)
{
	int64_t now = now_usec(), least = c->runs->number + 1;

	c->runs->number = now > least ? now : least;
	return c->runs->number;
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
	if (!run->ahead)
		task_apply(r, &op->task.row, EVENT_START);
	run->phase = RUN_SENT;
	run->sent = mono_usec();
	/* It is among what runs there. */
	if (run->engine)
		engine_changed(run->engine);
	if (run->abort) {
		run_end(run, &aborted, NULL);
		return;
	}
	if (!run->engine || (run->ahead && run->recalled)) {
		run_put_back(r, run);
		return;
	}
	if (run->ops->refusal)
		refused.evalue = run->ops->refusal(run, r);
	if (refused.evalue) {
		run_end(run, &refused, NULL);
		return;
	}
	/* Who takes none ahead is told none, and says of none that it has not begun. */
	run->number = run->engine && run->engine->takes_ahead ? next_number(c) : 0;
	code = buf_bytes(here ? &r->code : &op->task.code);
	input = buf_bytes(here ? &r->stdin_ : &op->task.stdin_);
	err = run->ops->send(r, run, code, input);
	if (err) {
		log_warning("an engine cannot be reached, its task waits",
			    log_int("engine", run->engine->id),
			    log_int("result", (int64_t)r->id), log_errno(err));
		run_put_off(c, run->engine);
		run_put_back(r, run);
	}
}

static void begin(struct result *r, uint32_t index, struct engine *e)
{
	struct controller *c = r->c;
	struct store_op *op;
	struct run *run;
	struct task_id task = {r->id, index, r->task[index].attempt + 1U};
	char id[TASK_ID_SIZE];

	task_id_format(c->cluster, &task, id);
	run = run_new(r, index, id, e);
	run->attempt = task.attempt;
	ahead_add(run);
	op = store_op_new(STORE_START);
	op->task.row = start_row(r, run);
	op->task.want_input = !result_keeps_input(r);
	op->arg = c;
	op->done = started;
	store_put(c->store, op);
}

void run_start(struct result *r, uint32_t index, struct engine *e)
{
	r->ops->start(r, index, e);
}

struct run *run_of_client(struct result *r, const char *msg_id,
			  struct engine *e, const struct run_ops *ops)
{
	struct run *run = run_new(r, 0, msg_id, e);

	run->ops = ops;
	run->attempt = r->task[0].attempt + 1U;
	run->phase = RUN_SENT;
	run->sent = mono_usec();
	return run;
}

/* --- after a restart ------------------------------------------------------ */

void run_restore(struct result *r, uint32_t index)
{
	const struct details *d = r->task[index].details;
	struct engine *e = NULL;
	struct run *run;

	if (!d || !d->msg_id)
		return;
	if (d->engine_uuid)
		e = engine_by_uuid(r->c, bytes_str(d->engine_uuid));
	run = run_new(r, index, d->msg_id, e);
	run->phase = RUN_SENT;
	run_note(run, SIGN_CUT);
	r->ops->restored(run);
}

static void restored(struct run *run)
{
	static const struct ending lost = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the controller ended while the task ran, and its "
			  "engine is not known any more",
	};

	if (!run->engine)
		run_end(run, &lost, NULL);
}

const struct result_ops result_ops_mount = {
	.lasts = true,
	.counts_as_use = true,
	.goes_ahead = true,
	.start = begin,
	.retries = retry_wanted,
	.restored = restored,
};

/* --- its engine is gone --------------------------------------------------- */

void run_end_with_engine(struct run *run, const char *evalue)
{
	struct ending how = {
		.event = run->abort ? EVENT_ABORT : EVENT_FAIL,
		.ename = "EngineError",
		.evalue = evalue,
		.unknown = run->engine && run->engine->unknown_end,
	};

	run_end(run, &how, NULL);
}

static void engine_gone(struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		if (run->phase == RUN_STARTING)
			run_leave_engine(run);
		else if (run->phase == RUN_SENT)
			run->ops->engine_gone(run);
	}
}

const struct engine_hooks run_hooks = {.given_up = engine_gone};
