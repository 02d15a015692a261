#include "base/base.h"
#include "stop.h"

#include "base/log.h"
#include "call_parts.h"
#include "foreign.h"
#include "model/carrier.h"

#include <signal.h>

/* A running task is interrupted at once, after 1 s, 2 s more, ...; then it is
 * given up. */
#define INTERRUPTS 4
/* An interrupt before the task's own code begins would be lost, or cost the reply:
 * it waits so long for that. */
#define TOO_EARLY USEC_PER_SEC
/* A task that failed after an interrupt has so long to reply. */
#define HEEDED (2 * USEC_PER_SEC)

/* Consumes content. */
static int send_control(struct engine *e, const char *type,
			struct json_object *content)
{
	struct msg_out out = {.type = type, .content = content};
	int err = engine_send(e, LINE_CONTROL, &out);

	json_object_put(content);
	return err;
}

/* The msg_id lets an engine of ours spare the next task, should this one have ended
 * meanwhile. */
static int send_signal(const struct run *run, int signo)
{
	struct json_object *content = json_object_new_object();

	json_add_int(content, "sig", signo);
	json_add_str(content, "msg_id", run->msg_id);
	return send_control(run->engine, MSG_SIGNAL_REQUEST, content);
}

static int interrupt(struct call *call)
{
	if (call->interrupted == CALL_NOT_INTERRUPTED)
		call->interrupted = CALL_INTERRUPTED;
	return send_signal(call->run, SIGINT);
}

/* A task that waits in the engine, behind tasks of others, does not begin then. */
static int forget(struct run *run)
{
	struct json_object *content = json_object_new_object();
	struct json_object *ids = json_object_new_array();

	json_push(ids, json_text(bytes_str(run->msg_id)));
	json_add(content, "msg_ids", ids);
	return send_control(run->engine, MSG_ABORT_REQUEST, content);
}

static void give_up(struct call *call)
{
	struct buf why = BUF_INIT;
	struct ending how = {.event = EVENT_ABORT};

	if (call->overtime && !call->run->abort) {
		call_put_limit(call, false, &why);
		how = (struct ending){
			.event = EVENT_FAIL,
			.ename = "TaskTimeLimit",
			.evalue = buf_str(&why),
		};
	}
	/* The engine counts as busy until the end of the task is published. */
	if (call->run->engine)
		foreign_set_elsewhere(call->run->engine, true);
	log_warning("an engine does not heed interrupts; its task is given up",
		    log_int("result", (int64_t)call->run->result),
		    log_int("engine", call->run->engine
					      ? call->run->engine->id : -1));
	call_end(call, &how);
	buf_done(&why);
}

/*
 * Whether the engine works on this task: it works on others', too, which are not to
 * be interrupted. Nothing may have been heard of a task from before a restart, but
 * when the engine has answered since, it is done with it.
 */
static bool is_at_work(const struct call *call)
{
	const struct run *run = call->run;

	return (call->state == CALL_BEGUN || call->state == CALL_ENTERED) &&
	       !(run->trace == RUN_RESTORED &&
		 foreign_has_done_all(run->engine));
}

static void stop_again(struct timer *t);

/* After this time the task is interrupted, if it has not ended. */
static void set_stop(struct call *call, uint64_t after)
{
	call->stop_timer.fire = stop_again;
	timer_set(call->run->c->loop, &call->stop_timer, after);
}

/* Interrupts the task, again and again, until it ends or is given up. */
static void stop(struct call *call)
{
	struct engine *e = call->run->engine;

	if (call->state >= CALL_REPLIED || !e)
		return;
	if (call->interrupts >= INTERRUPTS) {
		if (is_at_work(call))
			give_up(call);
		else if (call->run->abort)
			call_end(call, &(struct ending){.event = EVENT_ABORT});
		return;
	}
	/* An engine that is away hears the next one. */
	if (is_at_work(call) && (call->state == CALL_ENTERED || call->interrupts))
		(void)!interrupt(call);
	set_stop(call, ++call->interrupts * USEC_PER_SEC);
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

/* What is left of the limit of a task that has begun. */
static void set_limit(struct call *call)
{
	uint64_t limit = (uint64_t)(call->limit * 1e6);
	uint64_t ran = mono_usec() - call->begun;

	timer_cancel(&call->limit_timer);
	call->limit_timer.fire = too_long;
	if (limit)
		timer_set(call->run->c->loop, &call->limit_timer,
			  limit > ran ? limit - ran : 1);
}

void call_begun(struct call *call)
{
	const struct engine *e = call->run->engine;

	if (!call_move(call, CALL_BEGINS))
		return;
	call->begun = mono_usec();
	/* An engine of ours sees to the limit itself. */
	if (!(e && foreign_is_ours(e)))
		set_limit(call);
	/* The abort was too late to keep the task from beginning, or the engine
	 * aborts it in a moment. */
	if (!call->run->abort)
		return;
	call->interrupts = 1;
	set_stop(call, TOO_EARLY);
}

void call_entered(struct call *call)
{
	call_begun(call);
	if (call_move(call, CALL_ENTERS) && timer_is_set(&call->stop_timer) &&
	    call->interrupted == CALL_NOT_INTERRUPTED)
		stop(call);
}

void call_failing(struct call *call)
{
	if (call->interrupted != CALL_INTERRUPTED)
		return;
	call->interrupted = CALL_HEEDED;
	if (timer_is_set(&call->stop_timer))
		set_stop(call, HEEDED);
}

/* The call of a run. Of a run from before a restart it is known that it was sent. */
static struct call *call_of(struct run *run)
{
	if (!run->call) {
		call_new(run);
		if (!run->engine->elsewhere)
			call_move(run->call, CALL_ENTERS);
	}
	return run->call;
}

int call_abort(struct run *run)
{
	struct call *call;
	int err;

	if (!run->engine)
		return -EOPNOTSUPP;
	call = call_of(run);
	if (run->abort)
		return 0;
	run->abort = true;
	err = forget(run);
	if (!timer_is_set(&call->stop_timer))
		stop(call);
	return err == -EHOSTUNREACH ? 0 : err;
}

int call_limit(struct run *run, uint64_t usec)
{
	struct call *call;

	if (!run->engine || foreign_is_ours(run->engine))
		return -EOPNOTSUPP;
	call = call_of(run);
	call->limit = (double)usec / USEC_PER_SEC;
	if (is_at_work(call) && !call->overtime)
		set_limit(call);
	return 0;
}

/*
 * Other signals would end an engine of Python, or stop its heart; ours gives them
 * to the task.
 */
int call_signal(struct run *run, int signo)
{
	if (!run->engine ||
	    (signo != SIGINT && !foreign_is_ours(run->engine)))
		return -EOPNOTSUPP;
	if (!is_at_work(call_of(run)))
		return -EAGAIN;
	return signo == SIGINT ? interrupt(run->call)
			       : send_signal(run, signo);
}
