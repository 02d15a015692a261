#include "base/base.h"
#include "run.h"

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

static int run_signal(struct run *run, int signo, bool abort_it)
{
	int err;

	if (run->phase == RUN_STARTING) {
		if (!abort_it)
			return -EAGAIN;
		run->abort = true;
		return 0;
	}
	if (!run->engine || !run->engine->taskfs)
		return -EOPNOTSUPP;
	run->abort |= abort_it;
	err = send_kill(run, signo, abort_it);
	/* An engine that is away hears of it when it comes back, and one that
	 * does not come back has ended the task. */
	return abort_it && err == -EHOSTUNREACH ? 0 : err;
}

/*
 * Signals every run of the result, found through the engines: there
 * are few runs, and may be millions of tasks. -ESRCH: there was none; else the
 * last error.
 */
static int each_run(struct result *r, int signo, bool abort_it)
{
	struct map_iter it = {0};
	struct list *l, *next;
	int err = -ESRCH, one;

	while (map_next(&r->c->engines, &it)) {
		struct engine *e = it.value;

		list_for_each_safe(l, next, &e->runs) {
			struct run *run =
				list_entry(l, struct run, engine_link);

			if (run->result != r->id)
				continue;
			one = run_signal(run, signo, abort_it);
			if (err == -ESRCH || one)
				err = one;
		}
	}
	return err;
}

int result_abort(struct result *r)
{
	static const struct ending how = {.event = EVENT_ABORT};
	int err;

	if (state_is_final(result_state(r)))
		return -ESRCH;
	r->aborting = true;
	err = each_run(r, 0, true);
	result_end_waiting(r, &how);
	/* Without a run it waits, or comes to wait again, and ends then. */
	return err == -ESRCH ? 0 : err;
}

struct hold {
	struct controller *c;
	void (*done)(void *arg, int err);
	void *arg;
};

static void set_held(struct result *r, bool hold)
{
	r->held = hold;
	if (hold)
		sched_remove(r);
	else
		sched_add(r);
	result_changed(r, CHANGED_STATE);
}

static void held_stored(struct store_op *op)
{
	struct hold *h = op->arg;
	struct result *r = result_find(h->c, op->result.id);

	if (r && op->err)
		set_held(r, !op->result.held);
	h->done(h->arg, op->err);
	free(h);
}

int result_hold(struct result *r, bool hold, void (*done)(void *arg, int err),
		void *arg)
{
	struct store_op *op;
	struct hold *h;

	if (state_is_final(result_state(r)))
		return -ESRCH;
	set_held(r, hold);
	h = xmalloc(sizeof(*h));
	*h = (struct hold){r->c, done, arg};
	op = store_op_new(STORE_HELD);
	op->result.id = r->id;
	op->result.held = hold;
	op->arg = h;
	op->done = held_stored;
	store_put(r->c->store, op);
	return 0;
}

int result_signal(struct result *r, int signo)
{
	int err = each_run(r, signo, false);

	if (err == -ESRCH && !state_is_final(result_state(r)))
		err = -EAGAIN;
	return err;
}
