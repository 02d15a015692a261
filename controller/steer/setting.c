#include "base/base.h"
#include "setting.h"

#include "model/changes.h"
#include "model/engines.h"
#include "model/ready.h"
#include "model/tasks.h"
#include "schedule/ahead.h"
#include "schedule/ending.h"
#include "schedule/lifetime.h"
#include "schedule/unbegun.h"

/*
 * A new value holds at once, while it is being stored; the old one comes back if
 * that fails. What adds to a result holds when it is stored.
 */
struct setting {
	struct controller *c;
	void (*undo)(struct result *r, const struct setting *s); /* NULL: nothing to do */
	/* It is stored; 0, or -errno for done(). NULL: nothing to do. */
	int (*stored)(struct result *r, const struct store_op *op);
	/* In either case, before that. NULL: nothing to do. */
	void (*came)(struct result *r, const struct store_op *op);
	bool was_held;
	uint32_t task;
	char *options_were;
	void (*done)(void *arg, int err);	/* NULL: nobody waits for it */
	void *arg;
};

static void setting_stored(struct store_op *op)
{
	struct setting *s = op->arg;
	struct result *r = result_find(s->c, op->result.id);
	int err = op->err;

	if (r && s->came)
		s->came(r, op);
	if (r && err && s->undo)
		s->undo(r, s);
	else if (r && !err && s->stored)
		err = s->stored(r, op);
	if (s->done)
		s->done(s->arg, err);
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

/* --- hold ------------------------------------------------------------------ */

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

/* --- options --------------------------------------------------------------- */

/* Takes `options` over. The place of a result in line is by them, and what was sent
 * ahead was sent with others. */
static void set_options(struct result *r, char *options)
{
	struct json_object *o = json_parse(bytes_str(options), NULL);

	ready_remove(r);
	ahead_recall_result(r);
	r->options = options;
	result_read_settings(r, o);
	if (r->count[STATE_PENDING])
		ready_add(r);
	json_object_put(o);
	result_changed(r, CHANGED_ALL);
}

static void undo_option(struct result *r, const struct setting *s)
{
	free(r->options);
	set_options(r, str_copy(s->options_were));
}

/* One of them is there, or comes back. */
static bool are_expected(const struct result *r, struct json_object *ids)
{
	size_t i, n = json_object_array_length(ids);

	for (i = 0; i < n; i++)
		if (engine_is_expected(r->c, json_object_get_int64(
					       json_object_array_get_idx(ids, i))))
			return true;
	return false;
}

/* 0, or -errno with the reason: this result cannot have that. */
static int check_option(const struct result *r, const struct task_option *o,
			struct json_object *value, struct buf *why)
{
	bool map = strcmp(r->kind, "map") == 0;
	int err = value ? task_option_check(o, value, why) : 0;

	if (err)
		return err;
	err = -EINVAL;
	if (!(o->flags & TASK_CHANGES))
		buf_printf(why, "\"%s\" cannot be changed", o->name);
	else if (o->flags & TASK_NEEDS_MAP && !map)
		buf_printf(why, "\"%s\" is for a map", o->name);
	else if (r->ops->is_message && strcmp(o->name, "priority") != 0)
		buf_puts(why, "a client of ipyparallel has submitted it: only its "
			      "priority can be changed");
	else if (o->type == TASK_IDS && r->pinned)
		buf_puts(why, "it is a view: each of its tasks is for its engine");
	else if (o->type == TASK_IDS &&
		 json_object_is_type(value, json_type_array) &&
		 !are_expected(r, value))
		buf_puts(why, "\"targets\": none of these engines is there");
	else
		err = 0;
	return err;
}

static int limit_run(struct run *run, void *arg)
{
	const struct result *r = arg;

	needs_drop(run->needs);
	run->needs = needs_use(r->needs);
	if (run->phase != RUN_SENT || !run->ops->limit)
		return 0;
	return run->ops->limit(run, r->needs->time_limit);
}

/* -errno: one of them keeps its old limit. */
static int tell_limit(struct result *r, const struct store_op *op)
{
	int err = result_each_run(r, r, limit_run);

	(void)op;
	return err == -ESRCH ? 0 : err;
}

int result_set_option(struct result *r, const struct task_option *o,
		      struct json_object *value, struct buf *why,
		      void (*done)(void *arg, int err), void *arg)
{
	struct setting s = {
		.undo = undo_option,
		.stored = strcmp(o->name, "time_limit") == 0 ? tell_limit : NULL,
		.options_were = r->options,
		.done = done,
		.arg = arg,
	};
	struct store_op *op;
	int err;

	if (state_is_final(result_state(r)))
		return -ESRCH;
	err = check_option(r, o, value, why);
	if (err)
		return err;
	set_options(r, result_options_with(r, o->name, value));
	op = store_op_new(STORE_OPTIONS);
	op->result.options = xstrdup(r->options);
	put_setting(r, op, s);
	return 0;
}

/* --- an open map: more items ----------------------------------------------- */

static void add_came(struct result *r, const struct store_op *op)
{
	r->adding -= op->result.items.n;
	r->nadding -= op->result.tasks;
}

/* They wait from now on; when what waited was ended meanwhile they are aborted. */
static int added(struct result *r, const struct store_op *op)
{
	static const struct ending aborted = {.event = EVENT_ABORT};
	uint64_t i = r->ntasks;
	bool only = i == 1;

	result_grow(r, buf_bytes(&op->result.items), op->result.tasks);
	/* Nobody has told it as one of many. */
	if (only)
		task_changed(r, 0);
	result_changed(r, CHANGED_ALL);
	if (r->aborting || r->over) {
		for (; i < r->ntasks; i++)
			task_end_pending(r, (uint32_t)i, &aborted);
		return 0;
	}
	result_wait(r);
	ready_add(r);
	return 0;
}

static int check_add(const struct result *r, const struct buf *items, uint64_t n,
		     struct buf *why)
{
	if (state_is_final(result_state(r)) || r->aborting)
		return -ESRCH;
	if (!r->open || r->closing) {
		buf_puts(why, r->grows ? "the map is closed"
				       : "the map is not open: it was submitted without "
					 "the option open");
		return -EPERM;
	}
	if (r->ntasks + r->nadding + n > LIMIT_TASKS ||
	    r->items.n + r->adding + items->n > LIMIT_MAP) {
		buf_puts(why, "the map would have too many items");
		return -EFBIG;
	}
	return 0;
}

int result_add(struct result *r, struct buf *items, uint64_t n, struct buf *why,
	       void (*done)(void *arg, int err), void *arg)
{
	struct setting s = {
		.came = add_came,
		.stored = added,
		.done = done,
		.arg = arg,
	};
	struct store_op *op;
	int err = check_add(r, items, n, why);

	if (err)
		return err;
	op = store_op_new(STORE_GROW);
	op->result.items = *items;
	*items = (struct buf)BUF_INIT;
	op->result.tasks = n;
	r->adding += op->result.items.n;
	r->nadding += n;
	put_setting(r, op, s);
	return 0;
}
