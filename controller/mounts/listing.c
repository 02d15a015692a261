#include "base/base.h"
#include "listing.h"

#include "brief.h"
#include "model/results.h"
#include "model/tasks.h"
#include "net/request.h"
#include "result_json.h"
#include "wire/members.h"

#define TASKS_PER_REPLY 10000

/*
 * The tasks of a map or view in short; or one of them in full; or where the items
 * of some of them begin.
 */

static void list_tasks(struct controller *c, struct request *rq,
		       struct result *r)
{
	int64_t from = json_int_or(rq->msg->content, "from", 0);
	int64_t limit = json_int_or(rq->msg->content, "limit",
				    TASKS_PER_REPLY);
	struct buf b = BUF_INIT;
	uint64_t i, end;

	if (limit <= 0 || limit > TASKS_PER_REPLY)
		limit = TASKS_PER_REPLY;
	if (from < 0)
		from = 0;
	end = min_u64(r->ntasks, (uint64_t)from + (uint64_t)limit);
	buf_printf(&b, "{\"status\":\"ok\",\"seq\":%llu,\"tasks\":[",
		   (unsigned long long)c->seq);
	for (i = (uint64_t)from; i < end; i++) {
		if (i > (uint64_t)from)
			buf_putc(&b, ',');
		task_put_brief(r, (uint32_t)i, &b);
	}
	buf_printf(&b, "],\"more\":%s}", end < r->ntasks ? "true" : "false");
	request_reply_text(rq, MSG_TASKS_REPLY, buf_bytes(&b), NULL, 0);
	buf_done(&b);
}

static void answer_task(struct request *rq, const struct result *r,
			uint32_t index)
{
	struct buf out = BUF_INIT;

	buf_putc(&out, '{');
	ok_members(rq->c, &out);
	member_begin(&out, "task");
	task_put_json(r, index, &out);
	buf_putc(&out, '}');
	request_reply_text(rq, MSG_TASKS_REPLY, buf_bytes(&out), NULL, 0);
	buf_done(&out);
}

/* The details of a task of a map that were let go come from the store. */
static void details_read(struct store_op *op)
{
	struct request *rq = op->arg;
	struct task_row *row = &op->task.row;
	struct result *r = result_find(rq->c, row->result);
	struct task *t = r ? result_task(r, row->index) : NULL;

	if (op->err || !t) {
		request_fail(rq, MSG_TASKS_REPLY, op->err ? op->err : -ENOENT,
			     "KeyError", "the task could not be read");
		return;
	}
	/* One of those that were never begun (schedule/unbegun.c) has no row. */
	if (t->details || (!row->msg_id && !row->ename)) {
		answer_task(rq, r, row->index);
		return;
	}
	task_set_row(t, row);
	answer_task(rq, r, row->index);
	task_free_details(t);
}

static void read_details(struct request *rq, struct result *r, uint32_t index)
{
	struct store_op *op = store_op_new(STORE_DETAILS);

	op->task.row.result = r->id;
	op->task.row.index = index;
	op->arg = rq;
	op->done = details_read;
	store_put(rq->c->store, op);
}

/* --- where the items of tasks begin ------------------------------------- */

/* at: where the items of n tasks begin, and where those of the last end. */
static void answer_items(struct request *rq, const uint32_t *at, uint64_t n)
{
	struct json_object *o = ok_content(rq->c, true);
	struct json_object *a = json_object_new_array();
	uint64_t i;

	for (i = 0; i <= n; i++)
		json_push(a, json_object_new_int64(at[i]));
	json_add(o, "items", a);
	request_reply(rq, MSG_TASKS_REPLY, o, NULL, 0);
}

static void items_read(struct store_op *op)
{
	struct request *rq = op->arg;

	if (op->err)
		request_fail(rq, MSG_TASKS_REPLY, op->err, "KeyError",
			     "the items could not be read");
	else
		answer_items(rq, (const uint32_t *)(const void *)op->io.sizes.p,
			     op->io.count);
}

/* The items of a map that has ended are in the store alone. */
static void read_items(struct request *rq, const struct result *r,
		       uint32_t index, uint64_t n)
{
	struct store_op *op = store_op_new(STORE_ITEMS);

	op->io.result = r->id;
	op->io.index = index;
	op->io.count = n;
	op->io.chunk = r->chunk;
	op->arg = rq;
	op->done = items_read;
	store_put(rq->c->store, op);
}

static void list_items(struct request *rq, const struct result *r,
		       uint32_t index, int64_t limit)
{
	uint64_t n = min_u64(r->ntasks - index, TASKS_PER_REPLY);

	if (limit <= 0 || !r->map_size) {
		request_fail(rq, MSG_TASKS_REPLY, -EINVAL, "ValueError",
			     "it is no map, or no number of tasks");
		return;
	}
	n = min_u64(n, (uint64_t)limit);
	if (r->item_at)
		answer_items(rq, r->item_at + index, n);
	else
		read_items(rq, r, index, n);
}

/* --- dispatch ----------------------------------------------------------- */

void listing_on_request(struct controller *c, struct request *rq)
{
	struct result *r = result_find(
		c, (uint64_t)json_int_or(rq->msg->content, "result", 0));
	int64_t index, items;
	struct task *t;

	if (!r || !r->stored) {
		request_fail(rq, MSG_TASKS_REPLY, -ENOENT, "KeyError",
			     "there is no such result");
		return;
	}
	if (!json_get_int(rq->msg->content, "task", &index)) {
		list_tasks(c, rq, r);
		return;
	}
	t = index >= 0 ? result_task(r, (uint64_t)index) : NULL;
	if (!t)
		request_fail(rq, MSG_TASKS_REPLY, -ENOENT, "KeyError",
			     "there is no such task");
	else if (json_get_int(rq->msg->content, "items", &items))
		list_items(rq, r, (uint32_t)index, items);
	else if (!t->details && state_is_final((enum state)t->state))
		read_details(rq, r, (uint32_t)index);
	else
		answer_task(rq, r, (uint32_t)index);
}
