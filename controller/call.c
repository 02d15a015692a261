#include "base/base.h"
#include "call.h"

#include "base/log.h"
#include "foreign.h"
#include "items.h"
#include "line.h"
#include "upstream.h"
#include "vars.h"

#include <signal.h>

/* After the reply, output may still be on its way on another socket. */
#define IDLE_WAIT (5 * USEC_PER_SEC)
/* And the reply behind the end. An interrupt may have cost it: ipykernel sends
 * none when one comes between the task's code and its reply. */
#define REPLY_WAIT (30 * USEC_PER_SEC)
#define REPLY_WAIT_INTERRUPTED (2 * USEC_PER_SEC)
/* A running task is interrupted at once, after 1 s, 2 s more, ...; then it is
 * given up. */
#define INTERRUPTS 4
/* One before the task's own code would be lost, or cost the reply: so long that
 * is waited for. */
#define TOO_EARLY USEC_PER_SEC
/* It failed, being interrupted: its reply is under way. */
#define HEEDED (2 * USEC_PER_SEC)

struct call {
	struct run *run;
	bool begun, entered;	/* it is busy with it; runs the task's code */
	bool replied, idle;
	bool overtime;		/* past its time limit */
	bool interrupted, heeded;	/* by us; and failed then */
	unsigned interrupts;
	struct timer idle_timer, limit_timer, stop_timer;
	double limit;		/* seconds; 0: none */
	/* From the reply. */
	enum state_event event;
	int64_t started, completed;
	char *ename, *evalue, *cwd;
	struct buf traceback;
	double user, system;
	int64_t memory;
};

static void idle_late(struct timer *t);
static void too_long(struct timer *t);
static void stop_again(struct timer *t);

static double limit_of(struct result *r)
{
	struct json_object *o = json_parse(bytes_str(r->options), NULL);
	double limit = json_real_or(o, "time_limit", 0);

	json_object_put(o);
	return limit;
}

void call_new(struct run *run)
{
	struct result *r = result_find(run->c, run->result);
	struct call *call = zalloc(sizeof(*call));

	call->run = run;
	call->user = -1;
	call->limit = r ? limit_of(r) : 0;
	call->idle_timer.fire = idle_late;
	call->limit_timer.fire = too_long;
	call->stop_timer.fire = stop_again;
	run->call = call;
}

void call_free(struct call *call)
{
	if (!call)
		return;
	timer_cancel(&call->idle_timer);
	timer_cancel(&call->limit_timer);
	timer_cancel(&call->stop_timer);
	free(call->ename);
	free(call->evalue);
	free(call->cwd);
	buf_done(&call->traceback);
	free(call);
}

const char *call_refusal(const struct run *run, struct result *r)
{
	struct json_object *o;
	bool asks;

	if (run->engine->taskfs || foreign_is_python(run->engine))
		return NULL;
	o = json_parse(bytes_str(r->options), NULL);
	asks = json_get(o, "args") || json_get(o, "env") || r->has_stdin ||
	       items_of(r, run->index).n;
	json_object_put(o);
	return asks ? "its engine takes no args, env, stdin and map" : NULL;
}

/* --- the end ------------------------------------------------------------ */

static void end(struct call *call, struct ending *how)
{
	struct run *run = call->run;
	struct result *r = result_find(run->c, run->result);
	struct task_row row;

	if (run->phase == RUN_ENDING || !r)
		return;
	timer_cancel(&call->limit_timer);
	timer_cancel(&call->stop_timer);
	row = task_row(r, run->index);
	if (call->started)
		row.started = call->started;
	row.completed = call->completed;
	row.cwd = str_copy(call->cwd);
	row.user = call->user;
	row.system = call->system;
	row.memory = call->memory;
	task_known_outputs(r, run->index, &row);
	if (run->engine) {
		run->engine->completed++;
		vars_ran(run->engine);
	}
	run_end(run, how, &row);
}

static void put_limit(const struct call *call, bool heeded, struct buf *why)
{
	buf_printf(why, "ran longer than %g s%s", call->limit,
		   heeded ? "" : ", and does not end when interrupted");
}

static void finish(struct call *call)
{
	struct buf why = BUF_INIT;
	struct ending how = {
		.event = call->event,
		.ename = call->ename,
		.evalue = call->evalue,
		.traceback = call->traceback.n ? buf_str(&call->traceback)
					       : NULL,
	};

	if (call->run->abort && how.event == EVENT_FAIL)
		how = (struct ending){.event = EVENT_ABORT};
	if (call->overtime && how.event == EVENT_FAIL) {
		put_limit(call, true, &why);
		how.ename = "TaskTimeLimit";
		how.evalue = buf_str(&why);
	}
	end(call, &how);
	buf_done(&why);
}

bool call_engine_gone(struct run *run)
{
	if (!run->call || !run->call->replied)
		return false;
	finish(run->call);
	return true;
}

/* Its end was published, and no reply comes. */
static void unanswered(struct call *call)
{
	call->event = EVENT_FAIL;
	call->ename = xstrdup(call->interrupted ? "KeyboardInterrupt"
						: "EngineError");
	call->evalue = xstrdup("its engine ended it without a reply");
	finish(call);
}

static void idle_late(struct timer *t)
{
	struct call *call = container_of(t, struct call, idle_timer);

	if (call->replied)
		finish(call);
	else
		unanswered(call);
}

/* --- stopping a task ---------------------------------------------------- */

static int send_control(struct engine *e, const char *type, const char *key,
			struct json_object *value)
{
	struct json_object *content = json_object_new_object();
	struct msg_out out = {.type = type, .content = content};
	int err;

	json_add(content, key, value);
	err = engine_send(e, LINE_CONTROL, &out);
	json_object_put(content);
	return err;
}

static int interrupt(struct call *call)
{
	call->interrupted = true;
	return send_control(call->run->engine, MSG_SIGNAL_REQUEST, "sig",
			    json_object_new_int(SIGINT));
}

/* If it waits in the engine, behind tasks of others, it does not begin. */
static int forget(struct run *run)
{
	struct json_object *ids = json_object_new_array();

	json_push(ids, json_text(bytes_str(run->msg_id)));
	return send_control(run->engine, MSG_ABORT_REQUEST, "msg_ids", ids);
}

static void give_up(struct call *call)
{
	struct buf why = BUF_INIT;
	struct ending how = {.event = EVENT_ABORT};

	if (call->overtime && !call->run->abort) {
		put_limit(call, false, &why);
		how = (struct ending){
			.event = EVENT_FAIL,
			.ename = "TaskTimeLimit",
			.evalue = buf_str(&why),
		};
	}
	/* Until the end of it is published. */
	if (call->run->engine)
		foreign_set_elsewhere(call->run->engine, true);
	log_warning("an engine does not heed interrupts; its task is given up",
		    log_int("result", (int64_t)call->run->result),
		    log_int("engine", call->run->engine
					      ? call->run->engine->id : -1));
	end(call, &how);
	buf_done(&why);
}

/*
 * The engine works on others' tasks, too: only ours is interrupted. Of one from
 * before a restart nothing may have been heard, but the engine has answered
 * since, which it does behind the task.
 */
static bool is_at_work(const struct call *call)
{
	const struct run *run = call->run;

	return call->begun && !call->idle &&
	       !(run->restored && foreign_ready(run->engine));
}

static void stop(struct call *call)
{
	struct engine *e = call->run->engine;

	if (call->replied || call->idle || !e)
		return;
	if (call->interrupts >= INTERRUPTS) {
		if (is_at_work(call))
			give_up(call);
		else if (call->run->abort)
			end(call, &(struct ending){.event = EVENT_ABORT});
		return;
	}
	/* One that is away hears it the next time. */
	if (is_at_work(call) && (call->entered || call->interrupts))
		(void)!interrupt(call);
	timer_set(e->c->loop, &call->stop_timer,
		  ++call->interrupts * USEC_PER_SEC);
}

static void stop_again(struct timer *t)
{
	stop(container_of(t, struct call, stop_timer));
}

static void too_long(struct timer *t)
{
	struct call *call = container_of(t, struct call, limit_timer);

	call->overtime = true;
	stop(call);
}

int call_abort(struct run *run)
{
	struct call *call = run->call;
	int err;

	if (!run->engine)
		return -EOPNOTSUPP;
	if (!call) {
		call_new(run);
		call = run->call;
		/* What is known of it is that it was sent. */
		call->begun = !foreign_is_elsewhere(run->engine);
		call->entered = call->begun;
	}
	if (run->abort)
		return 0;
	run->abort = true;
	err = forget(run);
	if (!timer_is_set(&call->stop_timer))
		stop(call);
	return err == -EHOSTUNREACH ? 0 : err;
}

/* Other signals would end the engine, or stop its heart. */
int call_signal(struct run *run, int signo)
{
	if (!run->call || !run->engine || signo != SIGINT)
		return -EOPNOTSUPP;
	return is_at_work(run->call) ? interrupt(run->call) : -EAGAIN;
}

/* --- the reply ---------------------------------------------------------- */

/* Without the colours of a terminal. */
static void strip_colours(struct buf *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->n; i++) {
		if (b->p[i] != '\033' || i + 1 >= b->n || b->p[i + 1] != '[') {
			b->p[n++] = b->p[i];
			continue;
		}
		for (i += 2; i < b->n && (unsigned char)b->p[i] < 0x40; i++)
			;
	}
	buf_cut(b, n);
}

static char *plain_text(struct json_object *o, const char *key, size_t limit)
{
	struct buf b = BUF_INIT;
	size_t n = 0;
	const char *s = json_get_str(o, key, &n);

	if (!s)
		return NULL;
	buf_put(&b, s, min_u64(n, limit));
	strip_colours(&b);
	return buf_take(&b);
}

static void read_failure(struct call *call, struct json_object *content)
{
	call->event = EVENT_FAIL;
	call->ename = plain_text(content, "ename", LIMIT_ENAME);
	call->evalue = plain_text(content, "evalue", LIMIT_ERROR);
	json_put_lines(json_get_array(content, "traceback"), LIMIT_ERROR,
		       &call->traceback);
	strip_colours(&call->traceback);
	if (!call->ename)
		call->ename = xstrdup("Error");
}

static void read_usage(struct call *call, struct json_object *content)
{
	struct json_object *u = foreign_answer(content);

	if (!u)
		return;
	call->user = json_real_or(u, "user", -1);
	call->system = json_real_or(u, "system", 0);
	call->memory = json_int_or(u, "memory", 0);
	call->cwd = plain_text(u, "cwd", PATH_MAX);
	json_object_put(u);
}

static int64_t read_date(struct json_object *o, const char *key)
{
	const char *s = json_get_str(o, key, NULL);
	int64_t t = 0;

	if (!s || date_parse(bytes_str(s), &t) || t <= 0 || t >= LIMIT_TIME)
		return 0;
	return t;
}

static void read_reply(struct call *call, struct json_object *header,
		       struct json_object *metadata,
		       struct json_object *content)
{
	const char *status = json_get_str(content, "status", NULL);

	call->started = read_date(metadata, "started");
	call->completed = read_date(header, "date");
	if (status && strcmp(status, "ok") == 0) {
		call->event = EVENT_SUCCEED;
		read_usage(call, content);
	} else if (status && strcmp(status, "aborted") == 0) {
		call->event = EVENT_ABORT;
		call->idle = true; /* it publishes none */
	} else {
		read_failure(call, content);
	}
}

void call_on_reply(struct run *run, struct msg *m)
{
	struct call *call;

	if (run->phase != RUN_SENT)
		return;
	if (!run->call)
		call_new(run);
	call = run->call;
	if (call->replied)
		return;
	read_reply(call, m->header, m->metadata, m->content);
	call->replied = true;
	timer_cancel(&call->limit_timer);
	timer_cancel(&call->stop_timer);
	if (call->idle)
		finish(call);
	else
		timer_set(run->c->loop, &call->idle_timer, IDLE_WAIT);
}

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

static struct bytes text_of(struct json_object *o, const char *key)
{
	size_t n = 0;
	const char *s = json_get_str(o, key, &n);

	return bytes_of(s, s ? n : 0);
}

static void take_stream(struct call *call, struct msg *m)
{
	int s = stream_parse(json_get_str(m->content, "name", NULL));

	if (s == STREAM_STDOUT || s == STREAM_STDERR)
		add_output(call, (enum stream)s, text_of(m->content, "text"));
}

static void take_value(struct call *call, struct msg *m)
{
	add_line(call, STREAM_VALUE,
		 text_of(json_get_object(m->content, "data"), "text/plain"));
}

/* Where IPython in a terminal shows it. */
static void take_display(struct call *call, struct msg *m)
{
	add_line(call, STREAM_STDOUT,
		 text_of(json_get_object(m->content, "data"), "text/plain"));
}

static void begun(struct call *call)
{
	if (call->begun)
		return;
	call->begun = true;
	if (call->limit > 0)
		timer_set(call->run->c->loop, &call->limit_timer,
			  (uint64_t)(call->limit * 1e6));
	/* An abort was too late to keep it from beginning, or it is answered
	 * in a moment. */
	if (!call->run->abort)
		return;
	call->interrupts = 1;
	timer_set(call->run->c->loop, &call->stop_timer, TOO_EARLY);
}

/* Its code begins. */
static void take_input(struct call *call, struct msg *m)
{
	(void)m;
	call->entered = true;
	if (timer_is_set(&call->stop_timer) && !call->interrupted)
		stop(call);
}

/* Another interrupt would hit the engine on its way to the reply. */
static void take_error(struct call *call, struct msg *m)
{
	(void)m;
	if (!call->interrupted || call->heeded)
		return;
	call->heeded = true;
	if (timer_is_set(&call->stop_timer))
		timer_set(call->run->c->loop, &call->stop_timer, HEEDED);
}

static void over(struct call *call)
{
	call->idle = true;
	timer_cancel(&call->limit_timer);
	timer_cancel(&call->stop_timer);
	if (call->replied)
		finish(call);
	else if (!call->run->restored)
		timer_set(call->run->c->loop, &call->idle_timer,
			  call->interrupted ? REPLY_WAIT_INTERRUPTED
					    : REPLY_WAIT);
}

static void take_status(struct call *call, struct msg *m)
{
	const char *s = json_get_str(m->content, "execution_state", NULL);

	if (s && strcmp(s, "busy") == 0)
		begun(call);
	else if (s && strcmp(s, "idle") == 0)
		over(call);
}

void call_note_end(struct run *run)
{
	if (run->call && run->phase == RUN_SENT && !run->call->replied)
		over(run->call);
}

static const struct {
	const char *type;
	void (*take)(struct call *call, struct msg *m);
} takers[] = {
	{MSG_STREAM, take_stream},
	{MSG_STATUS, take_status},
	{MSG_EXECUTE_INPUT, take_input},
	{MSG_ERROR, take_error},
	{MSG_EXECUTE_RESULT, take_value},
	{MSG_DISPLAY_DATA, take_display},
};

void call_on_iopub(struct run *run, struct msg *m)
{
	size_t i;

	if (run->phase != RUN_SENT || !run->call)
		return;
	for (i = 0; i < ARRAY_SIZE(takers); i++) {
		if (strcmp(takers[i].type, m->type) != 0)
			continue;
		/* While there is more, the end of it is not late. */
		if (run->call->replied && timer_is_set(&run->call->idle_timer))
			timer_set(run->c->loop, &run->call->idle_timer,
				  IDLE_WAIT);
		takers[i].take(run->call, m);
		return;
	}
}

/* Behind sqlite an object is the text of one. */
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

	/* From the beginning: what came before the restart is not here. */
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
	read_reply(call, json_get_object(record, "result_header"),
		   json_get_object(record, "result_metadata"),
		   json_get_object(record, "result_content"));
	set_output(call, STREAM_STDOUT, text_of(io, "stdout"));
	set_output(call, STREAM_STDERR, text_of(io, "stderr"));
	for (i = 0; i < msg_buffers(reply); i++)
		buf_put(&pickled, msg_buffer(reply, i).p,
			msg_buffer(reply, i).n);
	set_output(call, STREAM_VALUE, buf_bytes(&pickled));
	if (value)
		add_line(call, STREAM_VALUE,
			 text_of(json_get_object(value, "data"),
				 "text/plain"));
	json_object_put(value);
	buf_done(&pickled);
	call->replied = call->idle = true;
	finish(call);
}

void calls_lost(struct engine *e)
{
	static const struct ending lost = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the controller was started again while the task "
			  "ran, and its reply is lost",
	};
	static const struct ending aborted = {.event = EVENT_ABORT};
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		if (!run->restored || run->wire)
			continue;
		if (e->c->upstream)
			reclaim_run(run);
		else if (!run->call || !run->call->replied)
			run_end(run, run->abort ? &aborted : &lost, NULL);
	}
}
