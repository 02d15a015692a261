#include "base/base.h"
#include "steer.h"

#include "ahead.h"
#include "ending.h"
#include "model/ready.h"
#include "model/tasks.h"
#include "run.h"
#include "unbegun.h"

/* --- ctl ---------------------------------------------------------------- */

static int run_signal(struct run *run, int signo, bool abort_it)
{
	if (run->phase == RUN_STARTING) {
		if (!abort_it)
			return -EAGAIN;
		run->abort = true;
		return 0;
	}
	return abort_it ? run->ops->abort(run) : run->ops->signal(run, signo);
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

	while (map_next(&r->c->engines->by_id, &it)) {
		struct engine *e = it.value;

		list_for_each_safe(l, next, &e->runs) {
			struct run *run =
				list_entry(l, struct run, engine_link);

			if (run->result != r->id || (run->ahead && !abort_it))
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
	/* A task without a run waits, or waits again later, and ends then. */
	return err == -ESRCH ? 0 : err;
}

/* The run that has the task now, or ends it; NULL: none. */
static struct run *run_of(struct result *r, uint32_t index)
{
	const struct task *t = &r->task[index];
	const struct task_id next = {r->id, index, t->attempt + 1U};
	struct run *run = t->details ? run_find(r->c, t->details->msg_id)
				     : NULL;
	char id[TASK_ID_SIZE];

	if (run)
		return run;
	/* The msg_id of a run that begins is not in the task yet. */
	task_id_format(r->c->cluster, &next, id);
	return run_find(r->c, id);
}

int task_abort(struct result *r, uint32_t index)
{
	static const struct ending how = {.event = EVENT_ABORT};
	struct task *t = &r->task[index];
	struct run *run = run_of(r, index);
	int err = 0;

	if (state_is_final((enum state)t->state))
		return -ESRCH;
	if (run && run->phase != RUN_ENDING)
		err = run_signal(run, 0, true);
	if (err)
		return err;
	t->aborting = true;
	if (task_is_waiting(t))
		task_end_pending(r, index, &how);
	return 0;
}

int task_signal(struct result *r, uint32_t index, int signo)
{
	struct run *run = run_of(r, index);

	if (state_is_final((enum state)r->task[index].state))
		return -ESRCH;
	if (!run || run->phase == RUN_ENDING || run->ahead)
		return -EAGAIN;
	return run_signal(run, signo, false);
}

int result_signal(struct result *r, int signo)
{
	int err = each_run(r, signo, false);

	if (err == -ESRCH && !state_is_final(result_state(r)))
		err = -EAGAIN;
	return err;
}

/* --- what is set of a result -------------------------------------------- */

/* A new value holds at once, while it is being stored; the old one comes back if
 * that fails. */
struct setting {
	struct controller *c;
	void (*undo)(struct result *r, const struct setting *s);
	bool was_held;
	uint32_t task;
	int64_t priority_was;
	char *options_were;
	void (*done)(void *arg, int err);
	void *arg;
};

static void setting_stored(struct store_op *op)
{
	struct setting *s = op->arg;
	struct result *r = result_find(s->c, op->result.id);

	if (r && op->err)
		s->undo(r, s);
	s->done(s->arg, op->err);
	free(s->options_were);
	free(s);
}

static void put_setting(struct result *r, struct store_op *op,
			struct setting s)
{
	struct setting *copy = xmalloc(sizeof(*copy));

	*copy = s;
	copy->c = r->c;
	op->result.id = r->id;
	op->arg = copy;
	op->done = setting_stored;
	store_put(r->c->store, op);
}

static void set_held(struct result *r, bool hold)
{
	r->held = hold;
	if (hold) {
		ready_remove(r);
		ahead_recall_result(r);
	} else {
		ready_add(r);
	}
	result_changed(r, CHANGED_STATE);
}

static void undo_hold(struct result *r, const struct setting *s)
{
	set_held(r, s->was_held);
}

int result_hold(struct result *r, bool hold, void (*done)(void *arg, int err),
		void *arg)
{
	struct setting s = {
		.undo = undo_hold,
		.was_held = r->held,
		.done = done,
		.arg = arg,
	};
	struct store_op *op;

	if (state_is_final(result_state(r)))
		return -ESRCH;
	set_held(r, hold);
	op = store_op_new(STORE_HELD);
	op->result.held = hold;
	put_setting(r, op, s);
	return 0;
}

static void undo_task_hold(struct result *r, const struct setting *s)
{
	task_set_held(r, s->task, s->was_held);
	task_changed(r, s->task);
	result_changed(r, CHANGED_STATE);
}

int task_hold(struct result *r, uint32_t index, bool hold,
	      void (*done)(void *arg, int err), void *arg)
{
	struct setting s = {
		.undo = undo_task_hold,
		.task = index,
		.was_held = r->task[index].held,
		.done = done,
		.arg = arg,
	};
	struct store_op *op;

	if (state_is_final((enum state)r->task[index].state))
		return -ESRCH;
	task_set_held(r, index, hold);
	if (hold)
		ahead_recall_task(r, index);
	task_changed(r, index);
	result_changed(r, CHANGED_STATE);
	op = store_op_new(STORE_TASK_HELD);
	op->result.held = hold;
	op->result.task = index;
	put_setting(r, op, s);
	return 0;
}

/* The place of a result in line is by its priority. */
static void set_priority(struct result *r, int64_t priority, char *options)
{
	bool waits = !list_empty(&r->ready_link);

	r->priority = priority;
	r->options = options;
	if (waits) {
		ready_remove(r);
		ready_add(r);
	}
	result_changed(r, CHANGED_ALL);
}

static void undo_priority(struct result *r, const struct setting *s)
{
	free(r->options);
	set_priority(r, s->priority_was, str_copy(s->options_were));
}

static char *with_priority(const char *options, int64_t priority)
{
	struct json_object *o = json_parse(bytes_str(options), NULL);
	struct bytes text;
	char *copy;

	json_add_int(o, "priority", priority);
	text = json_bytes(o);
	copy = xmemdup_nul(text.p, text.n);
	json_object_put(o);
	return copy;
}

int result_set_priority(struct result *r, int64_t priority,
			void (*done)(void *arg, int err), void *arg)
{
	struct setting s = {
		.undo = undo_priority,
		.priority_was = r->priority,
		.options_were = r->options,
		.done = done,
		.arg = arg,
	};
	struct store_op *op;

	if (state_is_final(result_state(r)))
		return -ESRCH;
	set_priority(r, priority, with_priority(r->options, priority));
	op = store_op_new(STORE_OPTIONS);
	op->result.options = xstrdup(r->options);
	put_setting(r, op, s);
	return 0;
}
