#include "base/base.h"
#include "lifetime.h"

#include "base/log.h"
#include "graph.h"
#include "model/changes.h"
#include "model/items.h"
#include "model/queues.h"
#include "model/ready.h"
#include "model/tasks.h"
#include "run.h"
#include "unbegun.h"
#include "why.h"

/* --- taking it in --------------------------------------------------------- */

static void on_timeout(struct timer *t)
{
	struct result *r = container_of(t, struct result, timeout_timer);
	static const struct ending late = {
		.event = EVENT_FAIL,
		.ename = "TaskTimeout",
	};
	struct buf why = BUF_INIT;

	why_put(r, &why);
	result_end_saying(r, &late, "it did not begin within the option timeout; "
				    "it waited for %s", buf_str(&why));
	buf_done(&why);
}

static void on_begin(struct timer *t)
{
	struct result *r = container_of(t, struct result, begin_timer);

	r->early = false;
	result_wait(r);
	ready_add(r);
	result_changed(r, CHANGED_STATE);
}

void result_wait(struct result *r)
{
	int64_t left = r->begin - result_age(r);

	r->timeout_timer.fire = on_timeout;
	r->begin_timer.fire = on_begin;
	if (r->early && left > 0)
		timer_set(r->c->loop, &r->begin_timer, (uint64_t)left);
	else if (r->timeout)
		timer_set(r->c->loop, &r->timeout_timer, r->timeout);
	if (left <= 0)
		r->early = false;
}

void result_put(struct result *r, void (*done)(struct store_op *op), void *arg)
{
	struct store_op *op = result_store_op(r);

	op->arg = arg;
	op->done = done;
	result_take_name(r);
	store_put(r->c->store, op);
	result_wait(r);
}

/* --- nothing is added to it any more --------------------------------------- */

struct closing {
	struct controller *c;
	void (*done)(void *arg, int err);
	void *arg;
};

/* Takes text over. */
static void set_options(struct result *r, char *text)
{
	free(r->options);
	r->options = text;
	result_changed(r, CHANGED_ALL);
}

static void set_open(struct result *r, int open)
{
	struct json_object *value = json_object_new_int(open);

	set_options(r, result_options_with(r, "open", value));
	json_object_put(value);
}

static void closed(struct store_op *op)
{
	struct closing *cl = op->arg;
	struct result *r = result_find(cl->c, op->result.id);

	if (r) {
		r->closing = false;
		r->open = op->err != 0;
	}
	if (r && op->err)
		set_open(r, 1);
	if (r)
		result_changed(r, CHANGED_END);
	if (r && state_is_final(result_state(r)))
		result_end(r);
	if (cl->done)
		cl->done(cl->arg, op->err);
	free(cl);
}

int result_close(struct result *r, void (*done)(void *arg, int err), void *arg)
{
	struct closing *cl;
	struct store_op *op;

	if (!r->open || r->closing)
		return -EALREADY;
	r->closing = true;
	/* Other options may be set meanwhile. */
	set_open(r, 0);
	cl = xmalloc(sizeof(*cl));
	*cl = (struct closing){r->c, done, arg};
	op = store_op_new(STORE_OPTIONS);
	op->result.id = r->id;
	op->result.options = xstrdup(r->options);
	op->arg = cl;
	op->done = closed;
	store_put(r->c->store, op);
	return 0;
}

/* --- it cannot be stored -------------------------------------------------- */

/* Rows of tasks may have been stored though their result was not. */
static void put_purge(struct result *r)
{
	struct store_op *op = store_op_new(STORE_PURGE);

	op->purge.result = r->id;
	store_put(r->c->store, op);
}

void result_doom(struct result *r)
{
	uint64_t i;
	bool busy = false;

	r->doomed = true;
	ready_remove(r);
	graph_doomed(r);
	for (i = 0; i < r->ntasks; i++)
		busy |= !task_is_waiting(&r->task[i]);
	if (!busy) {
		put_purge(r);
		result_free(r);
	}
}

/* --- retention ---------------------------------------------------------- */

static bool too_much(const struct controller *c, const struct result *oldest)
{
	const struct config *k = &c->config;

	return (k->keep_results && c->results->nfinished > k->keep_results) ||
	       (k->keep_bytes && c->results->stored_bytes > k->keep_bytes) ||
	       (k->keep_age &&
		result_age(oldest) - oldest->elapsed > (int64_t)k->keep_age);
}

void results_retain(struct controller *c)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->results->finished) {
		struct result *r = list_entry(l, struct result, finished);

		if (!too_much(c, r) || result_purge(r, NULL, NULL))
			break;
		c->count.purged++;
	}
}

void result_set_finished(struct result *r)
{
	struct controller *c = r->c;

	timer_cancel(&r->timeout_timer);
	timer_cancel(&r->begin_timer);
	/* Until now these were the times when the first task was sent. */
	r->started = r->first_started;
	r->began = r->first_began;
	queue_leave(r);
	result_drop_input(r);
	items_free(r);
	results_add_finished(r);
	graph_ended(r);
	results_retain(c);
}

void result_end(struct result *r)
{
	if (!list_empty(&r->finished))
		return;
	log_info("result ended", log_int("result", (int64_t)r->id),
		 log_str("status", state_name(result_state(r))),
		 log_int("ok", (int64_t)r->count[STATE_OK]),
		 log_int("error", (int64_t)r->count[STATE_ERROR]),
		 log_int("aborted", (int64_t)r->count[STATE_ABORTED]),
		 log_real("wall_time",
			  (double)r->elapsed / 1e6));
	result_set_finished(r);
}

struct purge {
	struct controller *c;
	uint64_t id;
	void (*done)(void *arg, int err);
	void *arg;
};

static void purged(struct store_op *op)
{
	struct purge *p = op->arg;
	struct result *r = result_find(p->c, p->id);

	if (r && op->err) {
		r->purging = false;
		results_add_finished(r);
	} else if (r) {
		changes_purged(p->c, p->id);
		result_free(r);
	}
	if (p->done)
		p->done(p->arg, op->err);
	free(p);
}

/* The newest result may go: its id must not come again after a restart. */
static void keep_next_id(struct controller *c)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = "next_result";
	op->meta.value = xasprintf("%llu", (unsigned long long)c->results->next_id);
	store_put(c->store, op);
}

int result_purge(struct result *r, void (*done)(void *arg, int err), void *arg)
{
	struct store_op *op;
	struct purge *p;

	if (r->purging)
		return -EALREADY;
	if (!state_is_final(result_state(r)))
		return -EBUSY;
	r->purging = true;
	/* Not counted any more, though the store still works on it. */
	results_remove_finished(r);
	p = xmalloc(sizeof(*p));
	*p = (struct purge){r->c, r->id, done, arg};
	keep_next_id(r->c);
	op = store_op_new(STORE_PURGE);
	op->purge.result = r->id;
	op->done = purged;
	op->arg = p;
	store_put(r->c->store, op);
	return 0;
}
