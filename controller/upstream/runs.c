#include "base/base.h"
#include "runs.h"

#include "engines/ours.h"
#include "ipython/call.h"
#include "ipython/stop.h"
#include "model/carrier.h"
#include "reclaim.h"

void upstream_runs_cut(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->runs->by_msg_id, &it)) {
		struct run *run = it.value;

		if (run->phase != RUN_SENT)
			continue;
		run_note(run, SIGN_CUT);
		reclaim_again(run);
	}
}

static void engine_gone(struct run *run)
{
	struct engine *e = run->engine;
	struct buf why = BUF_INIT;

	if (call_ends_with_reply(run) || reclaim_orphan(run))
		return;
	if (e->c->carrier->is_gone(e->c))
		buf_printf(&why,
			   "ipyparallel's controller ended while engine %lld "
			   "ran the task, which may go on there",
			   (long long)e->id);
	else
		ours_put_gone(e, &why);
	run_end_with_engine(run, buf_str(&why));
	buf_done(&why);
}

static void free_run(struct run *run)
{
	call_free(run);
	reclaim_free(run);
}

const struct run_ops run_ops_upstream = {
	.first_to_know = true,
	.refusal = call_refusal,
	.send = call_send,
	.abort = call_abort,
	.signal = call_signal,
	.limit = call_limit,
	.on_reply = call_on_reply,
	.engine_gone = engine_gone,
	.forgotten = reclaim_run,
	.free = free_run,
};

static int cannot_abort(struct run *run)
{
	(void)run;
	return -EOPNOTSUPP;
}

static int cannot_signal(struct run *run, int signo)
{
	(void)run;
	(void)signo;
	return -EOPNOTSUPP;
}

/* A task of another client there can only be looked at. */
const struct run_ops run_ops_others = {
	.is_watched = true,
	.abort = cannot_abort,
	.signal = cannot_signal,
	.on_reply = call_on_reply,
	.engine_gone = engine_gone,
	.forgotten = reclaim_run,
	.free = free_run,
};
