#include "base/base.h"
#include "run.h"

#include "base/log.h"

/* --- messages of engines ------------------------------------------------ */

static void read_usage(struct json_object *t, struct task_row *row)
{
	struct json_object *u = json_get_object(t, "usage");

	row->user = json_real_or(u, "user", -1);
	row->system = json_real_or(u, "system", 0);
	row->memory = json_int_or(u, "memory", 0);
}

/* The end of each output that was not sent before comes with the reply. */
static void read_outputs(struct result *r, struct run *run, struct msg *m,
			 struct json_object *t, struct task_row *row)
{
	struct json_object *buffers = json_get_object(t, "buffers");
	struct outputs *out;
	int i;

	for (i = 0; i < STREAMS; i++) {
		const char *name = stream_name((enum stream)i);
		uint64_t total = (uint64_t)json_int_or(t, name, 0);
		struct bytes tail;

		if (msg_named_buffer(m, buffers, name, &tail) &&
		    (tail.n > total ||
		     !task_output(r, run->index, (enum stream)i,
				  total - tail.n, tail)))
			total = UINT64_MAX;
		out = r->task[run->index].out;
		if (total != (out ? out->of[i].size : 0)) {
			r->c->count.bad_outputs++;
			log_warning("an output is not complete",
				    log_int("result", (int64_t)r->id),
				    log_str("stream", name));
		}
	}
	task_known_outputs(r, run->index, row);
}

static void read_error(struct json_object *content, struct ending *how,
		       struct buf *traceback)
{
	struct json_object *lines = json_get_array(content, "traceback");
	size_t i;

	how->ename = json_get_str(content, "ename", NULL);
	how->evalue = json_get_str(content, "evalue", NULL);
	for (i = 0; lines && i < json_object_array_length(lines); i++) {
		buf_puts(traceback, json_object_get_string(
					    json_object_array_get_idx(lines, i)));
		buf_putc(traceback, '\n');
		if (traceback->n > LIMIT_ERROR)
			break;
	}
	if (traceback->n > LIMIT_ERROR)
		buf_cut(traceback, LIMIT_ERROR);
	if (traceback->n)
		how->traceback = buf_str(traceback);
	if (!how->ename)
		how->ename = "Error";
}

static void read_reply(struct result *r, struct run *run, struct msg *m,
		       struct task_row *row)
{
	struct json_object *t = json_get_object(m->metadata, "taskfs");
	const char *date = json_get_str(m->metadata, "started", NULL);
	const char *cwd = json_get_str(t, "cwd", NULL);

	if (date)
		(void)!date_parse(bytes_str(date), &row->started);
	row->completed = json_int_or(t, "completed", now_usec());
	row->exit_status = (int)json_int_or(t, "exit_status", -1);
	row->signal = (int)json_int_or(t, "signal", -1);
	row->value_is_stdout = json_bool_or(t, "value_is_stdout", false);
	row->cwd = str_copy(cwd);
	read_usage(t, row);
	read_outputs(r, run, m, t, row);
}

void run_on_reply(struct controller *c, struct engine *e, struct msg *m)
{
	const char *msg_id = json_get_str(m->parent, "msg_id", NULL);
	const char *status = json_get_str(m->content, "status", NULL);
	struct run *run = run_find(c, msg_id);
	struct buf traceback = BUF_INIT;
	struct ending how = {.event = EVENT_FAIL};
	struct task_row row;
	struct result *r;

	if (!run || run->engine != e || run->phase != RUN_SENT) {
		struct task_row told = {
			.msg_id = (char *)(uintptr_t)msg_id,
			.engine_uuid = e->uuid,
		};

		/* Given up, or told before: the engine may forget it. */
		c->count.late_replies++;
		if (!run || run->phase != RUN_ENDING)
			task_tell_stored(c, &told);
		return;
	}
	r = result_find(c, run->result);
	assert(r);
	row = task_row(r, run->index);
	read_reply(r, run, m, &row);
	if (status && strcmp(status, "ok") == 0)
		how.event = EVENT_SUCCEED;
	else if (status && strcmp(status, "aborted") == 0)
		how.event = EVENT_ABORT;
	else
		read_error(m->content, &how, &traceback);
	e->completed++;
	run_end(run, &how, &row);
	buf_done(&traceback);
}

void run_on_output(struct controller *c, struct engine *e, struct msg *m)
{
	const char *msg_id = json_get_str(m->content, "msg_id", NULL);
	int s = stream_parse(json_get_str(m->content, "stream", NULL));
	int64_t offset = json_int_or(m->content, "offset", -1);
	struct run *run = run_find(c, msg_id);
	struct result *r = run ? result_find(c, run->result) : NULL;

	if (!r || run->engine != e || run->phase != RUN_SENT)
		return;
	if (s < 0 || s >= STREAMS || offset < 0 ||
	    !task_output(r, run->index, (enum stream)s, (uint64_t)offset,
			 msg_buffer(m, 0)))
		c->count.bad_outputs++;
}

