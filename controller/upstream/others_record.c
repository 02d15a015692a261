#include "base/base.h"
#include "others_record.h"

#include "base/log.h"
#include "clients/client_ids.h"
#include "clients/relay.h"
#include "clients/relayed.h"
#include "ipython/call.h"
#include "model/results.h"
#include "model/tasks.h"
#include "reclaim.h"
#include "runs.h"
#include "schedule/apply.h"
#include "schedule/lifetime.h"
#include "schedule/run.h"
#include "wire/task_option.h"

/* A record of the hub, of another client's task, becomes a result here. Its end is
 * found like that of a mount's task from before a restart (reclaim.c). */

static void stored(struct store_op *op)
{
	struct result *r = result_find(op->arg, op->result.id);

	if (r && !op->err)
		result_set_stored(r);
	else if (op->err)
		log_error("another client's task was not stored",
			  log_errno(op->err));
}

static void started(struct store_op *op)
{
	struct result *r = result_find(op->arg, op->task.row.result);

	if (r)
		task_apply(r, &op->task.row, EVENT_START);
}

static void put_code(struct json_object *record, struct buf *code)
{
	size_t n = 0;
	const char *s = json_get_str(json_get_object(record, "content"),
				     "code", &n);

	if (!s)
		s = json_get_str(json_get_object(record, "header"), "msg_type",
				 &n);
	if (s)
		buf_put(code, s, min_u64(n, LIMIT_CODE));
}

static struct result *new_result(struct controller *c,
				 struct json_object *record, int64_t submitted)
{
	struct json_object *meta = json_get_object(record, "metadata");
	struct result_spec spec = {
		.ops = &result_ops_others,
		.kind = "task",
		.options = json_object_new_object(),
		.ntasks = 1,
		.uid = getuid(),
		.gid = getgid(),
	};
	size_t n = 0;
	const char *label = json_get_str(meta, "label", &n);
	const char *type = json_get_str(json_get_object(record, "header"),
					"msg_type", NULL);
	struct result *r;

	if (label && task_name_ok(bytes_of(label, n)))
		spec.name = label;
	put_code(record, &spec.code);
	if (type)
		relayed_add_request(spec.options, type);
	r = result_new(c, &spec);
	json_object_put(spec.options);
	r->born -= r->submitted - submitted;
	r->submitted = submitted;
	result_put(r, stored, c);
	return r;
}

static void start(struct result *r, const char *msg_id, struct engine *e,
		  const char *uuid, int64_t when)
{
	struct controller *c = r->c;
	struct store_op *op = store_op_new(STORE_TASK);
	struct run *run;

	task_claim(r, 0);
	client_ids_put(r, msg_id);
	op->task.row = task_row(r, 0);
	free(op->task.row.msg_id);
	free(op->task.row.engine_uuid);
	op->task.row.msg_id = xstrdup(msg_id);
	op->task.row.engine_uuid = xstrdup(uuid);
	op->task.row.state = STATE_RUNNING;
	op->task.row.engine = e ? e->id : -1;
	op->task.row.attempt = 1;
	op->task.row.started = when;
	op->arg = c;
	op->done = started;
	store_put(c->store, op);
	run = run_of_client(r, msg_id, e, &run_ops_others);
	run_note(run, SIGN_CUT);
	reclaim_others(run);
	call_new(run);
}

static bool never(const struct result *r, const struct run *run,
		  const struct ending *how, const struct task_row *row)
{
	(void)r;
	(void)how;
	(void)row;
	(void)run;
	return false;
}

static void restored(struct run *run)
{
	run->ops = &run_ops_others;
}

const struct result_ops result_ops_others = {
	.kind = KIND_OF_CLIENTS,
	.is_message = true,
	.takes_unready = true,
	.skip_is_failure = true,
	.start = relay_start,
	.retries = never,
	.restored = restored,
	.resumed = relayed_give_up,
	.loaded = client_ids_put,
	.answered = relayed_is_answered,
	.freed = client_ids_remove,
};

int64_t others_date(struct json_object *record)
{
	const char *s = json_get_str(record, "submitted", NULL);
	int64_t t = 0;

	if (!s || date_parse(bytes_str(s), &t) || t <= 0 || t >= LIMIT_TIME)
		return 0;
	/* The date is of the client's clock, which may be ahead. */
	return t < now_usec() ? t : now_usec();
}

bool others_is_ours(struct controller *c, const char *msg_id)
{
	return strncmp(msg_id, c->cluster, strlen(c->cluster)) == 0;
}

bool others_know(struct controller *c, const char *msg_id)
{
	return run_find(c, msg_id) || client_ids_find(c, bytes_str(msg_id));
}

/* Whether the record is of a task of this controller, or of what sets engines up:
 * neither becomes a result. */
static bool is_ours(struct controller *c, const char *msg_id,
		    struct json_object *record)
{
	struct json_object *t = json_get_object(
		json_get_object(record, "metadata"), "taskfs");

	return others_is_ours(c, msg_id) || json_bool_or(t, "setup", false);
}

bool others_take(struct controller *c, struct json_object *record)
{
	const char *msg_id = json_get_str(record, "msg_id", NULL);
	const char *uuid = json_get_str(record, "engine_uuid", NULL);
	int64_t submitted = others_date(record);

	/* A task that no engine has yet is heard of again. */
	if (!msg_id || !submitted ||
	    (!uuid && !json_get_str(record, "completed", NULL)))
		return false;
	if (others_know(c, msg_id) || is_ours(c, msg_id, record) ||
	    !json_get_object(record, "header"))
		return true;
	start(new_result(c, record, submitted), msg_id,
	      uuid ? engine_by_uuid(c, bytes_str(uuid)) : NULL,
	      uuid ? uuid : "", submitted);
	return true;
}
