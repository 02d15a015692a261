#include "base/base.h"
#include "call.h"

#include "call_parts.h"
#include "execute/execute.h"
#include "foreign.h"
#include "model/carrier.h"
#include "model/items.h"
#include "model/tasks.h"
#include "net/intake.h"
#include "schedule/ending.h"
#include "vars/vars.h"

/* What does not stand here changes nothing. */
static const enum call_state next[CALL_STATES][CALL_EVENTS] = {
	[CALL_SENT] = {
		[CALL_BEGINS] = CALL_BEGUN,
		[CALL_ENTERS] = CALL_ENTERED,
		[CALL_REPLIES] = CALL_REPLIED,
		[CALL_ENDS] = CALL_ENDED,
	},
	[CALL_BEGUN] = {
		[CALL_ENTERS] = CALL_ENTERED,
		[CALL_REPLIES] = CALL_REPLIED,
		[CALL_ENDS] = CALL_ENDED,
	},
	[CALL_ENTERED] = {
		[CALL_REPLIES] = CALL_REPLIED,
		[CALL_ENDS] = CALL_ENDED,
	},
	[CALL_REPLIED] = {[CALL_ENDS] = CALL_OVER},
	[CALL_ENDED] = {[CALL_REPLIES] = CALL_OVER},
};

static void idle_late(struct timer *t);

bool call_move(struct call *call, enum call_event event)
{
	enum call_state state = next[call->state][event];

	if (state == CALL_SENT)
		return false;
	call->state = state;
	return true;
}

bool call_has_reply(const struct call *call)
{
	return call->state == CALL_REPLIED || call->state == CALL_OVER;
}

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
	outcome_init(&call->outcome);
	call->limit = r ? limit_of(r) : 0;
	call->begun = mono_usec();
	call->idle_timer.fire = idle_late;
	run->call = call;
}

void call_free(struct run *run)
{
	struct call *call = run->call;

	if (!call)
		return;
	timer_cancel(&call->idle_timer);
	timer_cancel(&call->limit_timer);
	timer_cancel(&call->stop_timer);
	outcome_done(&call->outcome);
	free(call);
	run->call = NULL;
}

/* --- sending ------------------------------------------------------------ */

/* A kernel that is neither Python's nor ours takes code and nothing else. */
static bool takes_options(const struct engine *e)
{
	return e->shell || e->python;
}

const char *call_refusal(const struct run *run, struct result *r)
{
	struct json_object *o;
	bool asks, copies;

	if (run->engine->shell)
		return NULL;
	o = json_parse(bytes_str(r->options), NULL);
	copies = json_get(o, "stdout") || json_get(o, "stderr");
	asks = json_get(o, "args") || json_get(o, "env") || r->has_stdin ||
	       items_of(r, run->index).n;
	json_object_put(o);
	if (copies)
		return "its engine writes no outputs into files: stdout and stderr are "
		       "for engines of taskfs";
	if (takes_options(run->engine))
		return NULL;
	return asks ? "its engine takes no args, env, stdin and map" : NULL;
}

int call_send(struct result *r, struct run *run, struct bytes code,
	      struct bytes input)
{
	struct engine *e = run->engine;
	struct buf content = BUF_INIT, metadata = BUF_INIT;
	struct inputs in = {0};
	struct msg_out out = {
		.type = MSG_EXECUTE_REQUEST,
		.msg_id = run->msg_id,
		.buffers = in.b,
	};
	int err;

	execute_put_content(code, false, e->python ? FOREIGN_USAGE : NULL,
			    &content);
	if (takes_options(e))
		execute_put_metadata(r, run, code, input, NULL, &in, &metadata);
	call_new(run);
	out.content_text = buf_bytes(&content);
	out.metadata_text = buf_bytes(&metadata);
	out.nbuffers = in.n;
	err = engine_send(e, LINE_TASK, &out);
	buf_done(&content);
	buf_done(&metadata);
	return err;
}

/* --- the end ------------------------------------------------------------ */

void call_end(struct call *call, struct ending *how)
{
	struct run *run = call->run;
	struct result *r = result_find(run->c, run->result);
	const struct outcome *o = &call->outcome;
	struct task_row row;

	if (run->phase == RUN_ENDING || !r)
		return;
	timer_cancel(&call->limit_timer);
	timer_cancel(&call->stop_timer);
	row = task_row(r, run->index);
	if (o->ran >= 0)
		task_row_ran(r, &row, o->ran, o->ago);
	else
		task_row_ran_from(r, &row, o->started, o->completed);
	if (o->started)
		row.started = o->started;
	row.completed = o->completed;
	outcome_put(o, &row);
	task_known_outputs(r, run->index, &row);
	if (run->engine) {
		run->engine->completed++;
		vars_ran(run->engine);
	}
	run_end(run, how, &row);
}

void call_put_limit(const struct call *call, bool heeded, struct buf *why)
{
	buf_printf(why, "ran longer than %g s%s", call->limit,
		   heeded ? "" : ", and does not end when interrupted");
}

void call_finish(struct call *call)
{
	struct buf why = BUF_INIT;
	struct ending how = outcome_ending(&call->outcome);

	if (call->run->abort && how.event == EVENT_FAIL)
		how = (struct ending){.event = EVENT_ABORT};
	if (call->overtime && how.event == EVENT_FAIL) {
		call_put_limit(call, true, &why);
		how.ename = "TaskTimeLimit";
		how.evalue = buf_str(&why);
	}
	call_end(call, &how);
	buf_done(&why);
}

bool call_ends_with_reply(struct run *run)
{
	if (!run->call || !call_has_reply(run->call))
		return false;
	call_finish(run->call);
	return true;
}

/* The end of the task was published, and no reply comes. */
static void unanswered(struct call *call)
{
	outcome_fail(&call->outcome,
		     call->interrupted != CALL_NOT_INTERRUPTED
			     ? "KeyboardInterrupt"
			     : "EngineError",
		     "its engine ended it without a reply");
	call_finish(call);
}

static void idle_late(struct timer *t)
{
	struct call *call = container_of(t, struct call, idle_timer);
	struct controller *c = call->run->c;

	/* What is missing may be here and not have been read. */
	if (intake_is_paused(c))
		timer_set(c->loop, t, IDLE_WAIT);
	else if (call_has_reply(call))
		call_finish(call);
	else
		unanswered(call);
}

/* --- the reply ---------------------------------------------------------- */

/* Reads the answer to the expression that was evaluated beside a task in Python. */
static void read_answer(struct outcome *o, struct json_object *content)
{
	struct json_object *answer = foreign_answer(content);

	if (!answer)
		return;
	outcome_read_usage(o, answer);
	outcome_read_cwd(o, answer);
	json_object_put(answer);
}

/* Reads what an engine of ours behind an upstream controller says besides. */
static void read_ours(struct call *call, struct json_object *metadata)
{
	struct json_object *taskfs = json_get_object(metadata, "taskfs");
	struct buf *t = &call->outcome.traceback;
	size_t end;

	if (!taskfs || !call->run->engine ||
	    !foreign_is_ours(call->run->engine))
		return;
	outcome_read_ours(&call->outcome, taskfs);
	/* The last line of the traceback is the error itself. */
	for (end = t->n ? t->n - 1 : 0; end && t->p[end - 1] != '\n'; end--)
		;
	buf_cut(t, end);
}

void call_read_reply(struct call *call, struct json_object *header,
		     struct json_object *metadata,
		     struct json_object *content)
{
	struct outcome *o = &call->outcome;

	outcome_read(o, header, metadata, content);
	if (o->event == EVENT_SUCCEED)
		read_answer(o, content);
	read_ours(call, metadata);
	outcome_strip_colours(o);
}

void call_on_reply(struct run *run, struct msg *m)
{
	struct call *call;

	if (run->phase != RUN_SENT)
		return;
	if (!run->call)
		call_new(run);
	call = run->call;
	if (!call_move(call, CALL_REPLIES))
		return;
	call_read_reply(call, m->header, m->metadata, m->content);
	/* A task that was aborted publishes nothing. */
	if (call->outcome.event == EVENT_ABORT)
		call_move(call, CALL_ENDS);
	timer_cancel(&call->limit_timer);
	timer_cancel(&call->stop_timer);
	if (call->state == CALL_OVER)
		call_finish(call);
	else
		timer_set(run->c->loop, &call->idle_timer, IDLE_WAIT);
}
