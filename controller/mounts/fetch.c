#include "base/base.h"
#include "fetch.h"

#include "model/results.h"
#include "net/request.h"

/* So many tasks are in one answer; who wants more asks on. */
#define FETCH_TASKS 8192

static void answer_output(struct request *rq, uint64_t offset, uint64_t size,
			  struct bytes b)
{
	struct json_object *o = ok_content(rq->c, false);

	json_add_int(o, "offset", (int64_t)offset);
	json_add_int(o, "size", (int64_t)size);
	request_reply(rq, MSG_FETCH_REPLY, o, &b, 1);
}

static void output_fetched(struct store_op *op)
{
	struct request *rq = op->arg;

	if (op->err)
		request_fail(rq, MSG_FETCH_REPLY, op->err, "FetchError",
			     "the output could not be read");
	else if (op->io.size < op->io.least)
		request_fail(rq, MSG_FETCH_REPLY, -EIO, "FetchError",
			     "a part of the output is lost");
	else
		answer_output(rq, op->io.offset, op->io.size,
			      buf_bytes(&op->io.bytes));
}

static struct bytes slice(struct bytes b, uint64_t offset, uint64_t length)
{
	if (offset >= b.n)
		return bytes_of(NULL, 0);
	return bytes_of((const char *)b.p + offset,
			min_u64(length, b.n - offset));
}

/* Small outputs of a task that runs are here, all others in the store. */
static const struct buf *in_memory(const struct result *r,
				   const struct task *t, enum stream s)
{
	static const struct buf nothing;

	if (s == STREAM_CODE)
		return r->input_here ? &r->code : NULL;
	if (s == STREAM_STDIN)
		return r->input_here ? &r->stdin_ : NULL;
	if (s == STREAM_MAP)
		return r->items.n || !r->map_size ? &r->items : NULL;
	if (t->out && t->out->of[s].mem.n == t->size[s])
		return &t->out->of[s].mem;
	return t->size[s] ? NULL : &nothing;
}

static bool is_in_file(const struct task *t, enum stream s)
{
	if (s >= STREAM_OUTPUTS)
		return false;
	return t->out ? t->out->of[s].in_file : t->in_file & 1 << s;
}

static void outputs_fetched(struct store_op *op)
{
	struct request *rq = op->arg;
	struct bytes b = buf_bytes(&op->io.bytes);
	struct json_object *o, *sizes;
	uint64_t n;
	size_t i;

	if (op->err) {
		request_fail(rq, MSG_FETCH_REPLY, op->err, "FetchError",
			     "the outputs could not be read");
		return;
	}
	o = ok_content(rq->c, false);
	sizes = json_object_new_array();
	for (i = 0; i < op->io.sizes.n; i += sizeof(n)) {
		memcpy(&n, op->io.sizes.p + i, sizeof(n));
		json_push(sizes, json_object_new_int64((int64_t)n));
	}
	json_add(o, "sizes", sizes);
	request_reply(rq, MSG_FETCH_REPLY, o, &b, 1);
}

/* Outputs of several tasks, as far as they are in the database. */
static void fetch_outputs(struct request *rq, struct result *r, uint32_t index,
			  enum stream s, uint64_t count)
{
	struct store_op *op = store_op_new(STORE_READ_MANY);

	op->io.result = r->id;
	op->io.index = index;
	op->io.stream = s;
	op->io.length = LIMIT_FETCH;
	op->io.count = min_u64(min_u64(count, FETCH_TASKS),
			       r->ntasks - index);
	op->arg = rq;
	op->done = outputs_fetched;
	store_put(rq->c->store, op);
}

void fetch_on_request(struct controller *c, struct request *rq)
{
	struct json_object *q = rq->msg->content;
	struct result *r = result_find(
		c, (uint64_t)json_int_or(q, "result", 0));
	int64_t index = json_int_or(q, "task", 0);
	struct task *t = r && index >= 0 ? result_task(r, (uint64_t)index)
					 : NULL;
	int s = stream_parse(json_get_str(q, "stream", NULL));
	int64_t offset = json_int_or(q, "offset", 0);
	int64_t length = json_int_or(q, "length", LIMIT_FETCH);
	const struct buf *mem;
	struct store_op *op;

	if (!t) {
		request_fail(rq, MSG_FETCH_REPLY, -ENOENT, "KeyError",
			     "there is no such result");
		return;
	}
	if (s < 0 || offset < 0 || length < 0) {
		request_fail(rq, MSG_FETCH_REPLY, -EINVAL, "ValueError",
			     "no such stream, or a negative number");
		return;
	}
	if (json_int_or(q, "count", 0) > 0 && s < STREAM_OUTPUTS) {
		fetch_outputs(rq, r, (uint32_t)index, (enum stream)s,
			      (uint64_t)json_int_or(q, "count", 0));
		return;
	}
	length = (int64_t)min_u64((uint64_t)length, LIMIT_FETCH);
	mem = in_memory(r, t, (enum stream)s);
	if (mem) {
		answer_output(rq, (uint64_t)offset, mem->n,
			      slice(buf_bytes(mem), (uint64_t)offset,
				    (uint64_t)length));
		return;
	}
	op = store_op_new(STORE_READ);
	op->io.result = r->id;
	op->io.index = (uint32_t)index;
	op->io.stream = (enum stream)s;
	op->io.offset = (uint64_t)offset;
	op->io.length = (uint64_t)length;
	op->io.in_file = is_in_file(t, (enum stream)s);
	if (s < STREAM_OUTPUTS && state_is_final((enum state)t->state))
		op->io.least = t->size[s];
	op->arg = rq;
	op->done = output_fetched;
	store_put(c->store, op);
}

