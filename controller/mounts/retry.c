#include "base/base.h"
#include "retry.h"

#include "control_reply.h"
#include "model/queues.h"
#include "model/ready.h"
#include "schedule/lifetime.h"
#include "schedule/run.h"
#include "wire/map_items.h"

/*
 * The verb retry: the tasks of a result that are not ok again, whether they
 * failed, were aborted or (after halt) not begun, as a new result. That waits
 * for no other: what the old one waited for was there, or who says retry has
 * seen to it.
 */

static void retry_stored(struct store_op *op)
{
	struct request *rq = op->arg;
	struct result *r = result_find(rq->c, op->result.id);

	if (r && op->err)
		result_doom(r);
	else if (r)
		result_set_stored(r);
	rq->result = op->result.id;
	rq->task = -1;
	control_done(rq, op->err, NULL);
}

static void move_buf(struct buf *to, struct buf *from)
{
	*to = *from;
	*from = (struct buf)BUF_INIT;
}

/* The engines where the result may run, follow included; NULL: any. */
static struct json_object *all_targets(const struct result *r)
{
	struct json_object *a = r->ntargets ? json_object_new_array() : NULL;
	size_t i;

	for (i = 0; i < r->ntargets; i++)
		json_push(a, json_object_new_int64(r->targets[i]));
	return a;
}

/* only: one of its tasks; -1: all. */
static bool is_wanted(const struct result *r, uint64_t index, int64_t only)
{
	return r->task[index].state != STATE_OK &&
	       (only < 0 || index == (uint64_t)only);
}

/* The engines of those tasks of a view. */
static struct json_object *wanted_targets(const struct result *r, int64_t only)
{
	struct json_object *a = json_object_new_array();
	uint64_t i;

	for (i = 0; i < r->ntasks && i < r->ntargets; i++)
		if (is_wanted(r, i, only))
			json_push(a, json_object_new_int64(r->targets[i]));
	return a;
}

/* Appends the items of those tasks; returns how many tasks they are. */
static uint64_t wanted_items(const struct result *r, int64_t only,
			     struct bytes all, struct bytes json,
			     struct result_spec *spec)
{
	const char *p = all.p, *end = p + all.n;
	struct json_items which = {0};
	struct buf text = BUF_INIT;
	uint64_t i = 0;

	for (; p < end; i++) {
		size_t n = strlen(p) + 1;

		if (i / r->chunk < r->ntasks && is_wanted(r, i / r->chunk, only)) {
			buf_put(&spec->items, p, n);
			json_items_add(&which, json_items_has(json, i));
		}
		p += n;
	}
	/* Fewer items are no longer text. */
	if (json_items_end(&which, &text))
		abort();
	json_object_object_del(spec->options, "json_items");
	if (text.n)
		json_add_str(spec->options, "json_items", buf_str(&text));
	buf_done(&text);
	return only < 0 ? r->ntasks - r->count[STATE_OK] : 1;
}

/* Its queue may be gone. */
static int check_queue(const struct result *r, struct buf *why)
{
	struct json_object *o = json_parse(bytes_str(r->options), NULL);
	int err = queue_check(r->c, o, why);

	json_object_put(o);
	return err;
}

/* The code and stdin of the old one are here. */
static void retry_input(struct store_op *op)
{
	struct request *rq = op->arg;
	struct result *old = result_find(rq->c, op->task.row.result), *r;
	struct result_spec spec = {.kind = "task", .ntasks = 1};
	struct buf gone = BUF_INIT;
	struct json_object *targets;
	int err;

	if (op->err || !old) {
		request_fail(rq, MSG_CONTROL_REPLY, -ENOENT, "KeyError",
			     "there is no such result");
		return;
	}
	err = check_queue(old, &gone);
	if (err) {
		control_done(rq, err, buf_str(&gone));
		buf_done(&gone);
		return;
	}
	buf_done(&gone);
	spec.name = old->name;
	spec.uid = old->uid;
	spec.gid = old->gid;
	spec.has_stdin = old->has_stdin;
	spec.options = json_parse(bytes_str(old->options), NULL);
	json_object_object_del(spec.options, "after");
	json_object_object_del(spec.options, "follow");
	json_object_object_del(spec.options, "hold");
	json_object_object_del(spec.options, "begin");
	targets = old->pinned ? wanted_targets(old, rq->task) : all_targets(old);
	if (targets)
		json_add(spec.options, "targets", targets);
	spec.pinned = old->pinned;
	spec.ops = &result_ops_mount;
	spec.kind = old->kind;
	spec.ntasks = wanted_items(old, rq->task, buf_bytes(&op->task.items),
				   json_get_bytes(spec.options, "json_items"),
				   &spec);
	move_buf(&spec.code, &op->task.code);
	move_buf(&spec.stdin_, &op->task.stdin_);
	r = result_new(rq->c, &spec);
	json_object_put(spec.options);
	result_put(r, retry_stored, rq);
	ready_add(r);
}

/* 0, or why there is nothing to do again. */
static int check(const struct result *r, int64_t task, const char **ret_why)
{
	bool final = task < 0 ? state_is_final(result_state(r))
			      : state_is_final((enum state)r->task[task].state);

	if (r->ops->is_message) {
		*ret_why = "an ipyparallel client sent it, and only that can "
			   "send it again";
		return -EOPNOTSUPP;
	}
	if (!final)
		return -EBUSY;
	if (task < 0 ? r->count[STATE_OK] < r->ntasks
		     : is_wanted(r, (uint64_t)task, task))
		return 0;
	*ret_why = "it is ok";
	return -EINVAL;
}

void control_retry(struct request *rq, struct result *r, const char *argument)
{
	const char *why = NULL;
	int err = check(r, rq->task, &why);
	struct store_op *op;

	(void)argument;
	if (err) {
		control_done(rq, err, why);
		return;
	}
	op = store_op_new(STORE_INPUT);
	op->task.row.result = r->id;
	op->arg = rq;
	op->done = retry_input;
	store_put(rq->c->store, op);
}
