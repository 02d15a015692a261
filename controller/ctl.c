#include "base/base.h"
#include "run.h"

#include "base/log.h"
#include "events.h"
#include "sched.h"

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

static void held_stored(struct store_op *op)
{
	if (op->err)
		log_error("hold or release was not stored",
			  log_int("result", (int64_t)op->result.id),
			  log_errno(op->err));
}

int result_hold(struct result *r, bool hold)
{
	struct store_op *op;

	if (state_is_final(result_state(r)))
		return -ESRCH;
	if (r->held == hold)
		return 0;
	r->held = hold;
	if (hold)
		sched_remove(r);
	else
		sched_add(r);
	op = store_op_new(STORE_HELD);
	op->result.id = r->id;
	op->result.held = hold;
	op->done = held_stored;
	store_put(r->c->store, op);
	result_changed(r, CHANGED_STATE);
	return 0;
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

