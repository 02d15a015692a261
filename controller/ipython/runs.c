#include "base/base.h"
#include "runs.h"

#include "call_parts.h"
#include "engines/ours.h"
#include "schedule/ending.h"
#include "stop.h"

static void engine_gone(struct run *run)
{
	struct buf why = BUF_INIT;

	if (call_ends_with_reply(run))
		return;
	ours_put_gone(run->engine, &why);
	run_end_with_engine(run, buf_str(&why));
	buf_done(&why);
}

static void forgotten(struct run *run)
{
	static const struct ending lost = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the controller was started again while the task "
			  "ran, and its reply is lost",
	};
	static const struct ending aborted = {.event = EVENT_ABORT};

	if (!run->call || !call_has_reply(run->call))
		run_end(run, run->abort ? &aborted : &lost, NULL);
}

const struct run_ops run_ops_ipython = {
	.first_to_know = true,
	.refusal = call_refusal,
	.send = call_send,
	.abort = call_abort,
	.signal = call_signal,
	.limit = call_limit,
	.on_reply = call_on_reply,
	.engine_gone = engine_gone,
	.forgotten = forgotten,
	.free = call_free,
};
