#include "base/base.h"
#include "output.h"

#include "call_parts.h"
#include "listener.h"
#include "model/tasks.h"

/* So long the reply may come after the end of the output. An interrupt may have cost
 * it: ipykernel sends none when one comes between the task's code and its reply. */
#define REPLY_WAIT (30 * USEC_PER_SEC)
#define REPLY_WAIT_INTERRUPTED (2 * USEC_PER_SEC)

/* --- iopub -------------------------------------------------------------- */

static void add_output(struct call *call, enum stream s, struct bytes text)
{
	struct run *run = call->run;
	struct result *r = result_find(run->c, run->result);

	if (r && !task_output(r, run->index, s, r->task[run->index].size[s],
			      text))
		run->c->count.bad_outputs++;
}

static void add_line(struct call *call, enum stream s, struct bytes text)
{
	const char *p = text.p;

	add_output(call, s, text);
	if (text.n && p[text.n - 1] != '\n')
		add_output(call, s, bytes_str("\n"));
}

static void take_stream(void *task, enum stream s, struct bytes text)
{
	add_output(task, s, text);
}

static void take_value(void *task, const struct msg *m, struct bytes text)
{
	(void)m;
	add_line(task, STREAM_VALUE, text);
}

/* IPython in a terminal shows it there, too. */
static void take_display(void *task, const struct msg *m, struct bytes text)
{
	(void)m;
	add_line(task, STREAM_STDOUT, text);
}

static void take_busy(void *task)
{
	call_begun(task);
}

static void over(struct call *call)
{
	call_move(call, CALL_ENDS);
	timer_cancel(&call->limit_timer);
	timer_cancel(&call->stop_timer);
	if (call->state == CALL_OVER)
		call_finish(call);
	else if (call->run->trace != RUN_RESTORED)
		timer_set(call->run->c->loop, &call->idle_timer,
			  call->interrupted == CALL_NOT_INTERRUPTED
				  ? REPLY_WAIT
				  : REPLY_WAIT_INTERRUPTED);
}

static void take_idle(void *task)
{
	over(task);
}

static void take_code(void *task, const struct msg *m)
{
	(void)m;
	call_entered(task);
}

static void take_error(void *task, const struct msg *m)
{
	(void)m;
	call_failing(task);
}

void call_note_end(struct run *run)
{
	if (run->call && run->phase == RUN_SENT && !call_has_reply(run->call))
		over(run->call);
}

static const struct listener listener = {
	.busy = take_busy,
	.idle = take_idle,
	.code = take_code,
	.output = take_stream,
	.value = take_value,
	.display = take_display,
	.error = take_error,
};

void call_on_iopub(struct run *run, struct msg *m)
{
	struct call *call = run->call;

	if (run->phase != RUN_SENT || !call || !listener_knows(m))
		return;
	/* While there is more output, the end of it is not late. */
	if (call_has_reply(call) && timer_is_set(&call->idle_timer))
		timer_set(run->c->loop, &call->idle_timer, IDLE_WAIT);
	listener_hear(&listener, call, m);
}

/* --- records of a hub --------------------------------------------------- */

/* A hub that keeps its records in SQLite tells an object as text. */
static struct json_object *object_in(struct json_object *o, const char *key)
{
	size_t n = 0;
	const char *s = json_get_str(o, key, &n);

	return s ? json_parse(bytes_of(s, n), NULL)
		 : json_object_get(json_get_object(o, key));
}

static void set_output(struct call *call, enum stream s, struct bytes text)
{
	struct run *run = call->run;
	struct result *r = result_find(run->c, run->result);

	/* From the beginning: what came before the restart was not kept. */
	(void)!task_output(r, run->index, s, 0, text);
}

void call_on_record(struct run *run, struct json_object *record,
		    const struct msg *reply)
{
	struct json_object *io = json_get_object(record, "io");
	struct json_object *value = object_in(io, "execute_result");
	struct buf pickled = BUF_INIT;
	struct call *call;
	unsigned i;

	if (!run->call)
		call_new(run);
	call = run->call;
	call_read_reply(call, json_get_object(record, "result_header"),
		   json_get_object(record, "result_metadata"),
		   json_get_object(record, "result_content"));
	set_output(call, STREAM_STDOUT, json_get_bytes(io, "stdout"));
	set_output(call, STREAM_STDERR, json_get_bytes(io, "stderr"));
	for (i = 0; i < msg_buffers(reply); i++)
		buf_put(&pickled, msg_buffer(reply, i).p,
			msg_buffer(reply, i).n);
	set_output(call, STREAM_VALUE, buf_bytes(&pickled));
	if (value)
		add_line(call, STREAM_VALUE,
			 json_get_bytes(json_get_object(value, "data"),
				 "text/plain"));
	json_object_put(value);
	buf_done(&pickled);
	call_move(call, CALL_REPLIES);
	call_move(call, CALL_ENDS);
	call_finish(call);
}
