#include "base/base.h"
#include "unbegun.h"

#include "base/log.h"
#include "ending.h"
#include "lifetime.h"
#include "model/tasks.h"
#include "run.h"

/*
 * The end of all tasks of a result that wait, however many: those that were
 * never begun have no row in the store; what became of them is said once, in
 * the row of their result.
 */

/* The task ends as one that was never begun. */
static void set_one(struct result *r, struct task *t, enum state s)
{
	t->unbegun_ends = false;
	t->unbegun = true;
	task_set_state(r, t, s);
	t->completed = t->received = r->unbegun.when;
	t->elapsed = r->unbegun.elapsed;
	t->timed_out = is_timeout(r->unbegun.ename);
	result_count_end(r, t);
}

static void set_unbegun(struct result *r, enum state s)
{
	uint64_t i;

	for (i = 0; i < r->ntasks; i++) {
		struct task *t = &r->task[i];

		if (!t->unbegun_ends)
			continue;
		set_one(r, t, s);
		r->c->count.ended[s]++;
	}
	r->told_unbegun = true;
	result_changed(r, CHANGED_END);
	if (state_is_final(result_state(r)))
		result_end(r);
}

static void unbegun_stored(struct store_op *op);

/* Tries until the end is stored, as with the end of one task. */
static void put_again(struct store_op *op)
{
	struct store_op *again = store_op_new(STORE_REST);

	log_error("the end of the tasks that wait was not stored; trying again",
		  log_int("result", (int64_t)op->rest.result),
		  log_errno(op->err));
	again->rest = op->rest;
	again->arg = op->arg;
	again->done = unbegun_stored;
	op->rest.ename = op->rest.evalue = NULL;
	store_put_again(op->arg, again);
}

static void unbegun_stored(struct store_op *op)
{
	struct controller *c = op->arg;
	struct result *r = result_find(c, op->rest.result);

	if (!r)
		return;
	if (op->err) {
		put_again(op);
		return;
	}
	r->unbegun.state = op->rest.state;
	r->unbegun.when = op->rest.when;
	r->unbegun.elapsed = op->rest.elapsed;
	set_unbegun(r, (enum state)op->rest.state);
}

static void end_unbegun(struct result *r, const struct ending *how)
{
	struct store_op *op = store_op_new(STORE_REST);

	free(r->unbegun.ename);
	free(r->unbegun.evalue);
	r->unbegun.ename = str_copy(how->ename);
	r->unbegun.evalue = str_copy(how->evalue);
	op->rest.result = r->id;
	op->rest.state = how->event == EVENT_ABORT ? STATE_ABORTED
						   : STATE_ERROR;
	op->rest.when = now_usec();
	op->rest.elapsed = result_age(r);
	op->rest.ename = str_copy(how->ename);
	op->rest.evalue = str_copy(how->evalue);
	op->arg = r->c;
	op->done = unbegun_stored;
	store_put(r->c->store, op);
}

void result_end_waiting(struct result *r, const struct ending *how)
{
	uint64_t i, next = r->next;
	bool unbegun = false;

	for (i = 0; i < r->ntasks; i++) {
		if (!task_is_waiting(&r->task[i]))
			continue;
		if (!result_is_many(r) || r->pinned || i < next) {
			task_end_pending(r, (uint32_t)i, how);
			continue;
		}
		task_claim(r, i);
		r->task[i].unbegun_ends = true;
		unbegun = true;
	}
	if (unbegun) {
		r->unbegun.from = next;
		end_unbegun(r, how);
	}
	/* Nothing more is begun of an open map: what is being added ends, too. */
	r->over = r->grows;
	(void)!result_close(r, NULL, NULL);
}

void result_end_saying(struct result *r, const struct ending *as,
		       const char *fmt, ...)
{
	struct buf why = BUF_INIT;
	struct ending how = *as;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&why, fmt, ap);
	va_end(ap);
	how.evalue = buf_str(&why);
	result_end_waiting(r, &how);
	buf_done(&why);
}

void result_load_unbegun(struct result *r, enum state s)
{
	uint64_t i;

	if (!state_is_final(s))
		return;
	for (i = 0; i < r->ntasks; i++)
		r->task[i].unbegun_ends = !r->task[i].loaded;
	for (i = 0; i < r->ntasks; i++) {
		if (!r->task[i].unbegun_ends)
			continue;
		task_claim(r, i);
		set_one(r, &r->task[i], s);
	}
}
