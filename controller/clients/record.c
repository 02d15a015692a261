#include "base/base.h"
#include "record.h"

#include "base/log.h"
#include "relayed.h"
#include "schedule/run.h"

/* --- putting ------------------------------------------------------------ */

static const char *const queue_names[] = {
	[CHANNEL_MUX] = "mux",
	[CHANNEL_TASK] = "task",
	[CHANNEL_CONTROL] = "control",
	[CHANNEL_BROADCAST] = "broadcast",
};

static int64_t header_date(struct json_object *header)
{
	const char *s = json_get_str(header, "date", NULL);
	int64_t usec = 0;

	if (!s || date_parse(bytes_str(s), &usec) || usec <= 0 ||
	    usec >= LIMIT_TIME)
		return now_usec();
	return usec;
}

static void not_kept(struct store_op *op)
{
	if (op->err)
		log_error("a task's record was not stored",
			  log_int("result", (int64_t)op->record.result),
			  log_errno(op->err));
}

/* A message is stored with its buffers; they count with the result, which has not
 * ended yet. */
static void kept(struct store_op *op)
{
	struct result *r = result_find(op->arg, op->record.result);

	not_kept(op);
	if (r && !op->err)
		r->record_size += op->record.kept;
}

static struct store_op *new_op(const struct relayed *rel, enum store_kind kind)
{
	struct store_op *op = store_op_new(kind);

	op->record.result = rel->result;
	op->arg = rel->c;
	op->done = kept;
	return op;
}

void record_put(struct relayed *rel, const struct msg *m)
{
	struct store_op *op = new_op(rel, STORE_RECORD);

	op->record.msg_id = xstrdup(rel->msg_id);
	op->record.queue = queue_names[rel->channel];
	op->record.submitted = header_date(m->header);
	msg_copy(&op->record.msg, m);
	store_put(rel->c->store, op);
}

void record_put_end(struct relayed *rel, const struct msg *m)
{
	struct store_op *op = new_op(rel, STORE_RECORD_END);
	const struct run *run = run_find(rel->c, rel->msg_id);

	op->record.engine_uuid = xstrdup(run->engine->uuid);
	op->record.started = rel->outcome.started;
	op->record.completed = rel->outcome.completed;
	op->record.received = now_usec();
	msg_copy(&op->record.msg, m);
	store_put(rel->c->store, op);
}

static char *take_text(struct buf *b)
{
	return b->n ? buf_take(b) : NULL;
}

void record_put_io(struct relayed *rel)
{
	struct store_op *op;

	if (!rel->execute_input.n && !rel->execute_result.n && !rel->error.n &&
	    !rel->display_data.n)
		return;
	op = new_op(rel, STORE_RECORD_IO);
	op->record.execute_input = take_text(&rel->execute_input);
	op->record.execute_result = take_text(&rel->execute_result);
	op->record.display_data = take_text(&rel->display_data);
	op->record.error = take_text(&rel->error);
	store_put(rel->c->store, op);
}

void record_put_resubmitted(struct controller *c, uint64_t result,
			    const char *msg_id)
{
	struct store_op *op = store_op_new(STORE_RESUBMITTED);

	op->record.result = result;
	op->record.msg_id = xstrdup(msg_id);
	op->done = not_kept;
	store_put(c->store, op);
}
