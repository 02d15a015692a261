#include "base/base.h"
#include "steer.h"

#include "model/tasks.h"
#include "schedule/ending.h"
#include "schedule/lifetime.h"
#include "schedule/run.h"
#include "schedule/unbegun.h"

static int run_signal(struct run *run, int signo, bool abort_it)
{
	if (run->phase == RUN_STARTING) {
		if (!abort_it)
			return -EAGAIN;
		run->abort = true;
		return 0;
	}
	return abort_it ? run->ops->abort(run) : run->ops->signal(run, signo);
}

static int abort_run(struct run *run, void *arg)
{
	(void)arg;
	return run_signal(run, 0, true);
}

static int signal_run(struct run *run, void *signo)
{
	return run->ahead ? -ESRCH : run_signal(run, *(int *)signo, false);
}

int result_abort(struct result *r)
{
	static const struct ending how = {.event = EVENT_ABORT};
	int err;

	if (state_is_final(result_state(r)))
		return -ESRCH;
	r->aborting = true;
	err = result_each_run(r, NULL, abort_run);
	result_end_waiting(r, &how);
	/* A task without a run waits, or waits again later, and ends then. */
	return err == -ESRCH ? 0 : err;
}

/* The run that has the task now, or ends it; NULL: none. */
static struct run *run_of(struct result *r, uint32_t index)
{
	const struct task *t = &r->task[index];
	const struct task_id next = {r->id, index, t->attempt + 1U};
	struct run *run = t->details ? run_find(r->c, t->details->msg_id)
				     : NULL;
	char id[TASK_ID_SIZE];

	if (run)
		return run;
	/* The msg_id of a run that begins is not in the task yet. */
	task_id_format(r->c->cluster, &next, id);
	return run_find(r->c, id);
}

int task_abort(struct result *r, uint32_t index)
{
	static const struct ending how = {.event = EVENT_ABORT};
	struct task *t = &r->task[index];
	struct run *run = run_of(r, index);
	int err = 0;

	if (state_is_final((enum state)t->state))
		return -ESRCH;
	if (run && run->phase != RUN_ENDING)
		err = run_signal(run, 0, true);
	if (err)
		return err;
	t->aborting = true;
	if (task_is_waiting(t))
		task_end_pending(r, index, &how);
	return 0;
}

int task_signal(struct result *r, uint32_t index, int signo)
{
	struct run *run = run_of(r, index);

	if (state_is_final((enum state)r->task[index].state))
		return -ESRCH;
	if (!run || run->phase == RUN_ENDING || run->ahead)
		return -EAGAIN;
	return run_signal(run, signo, false);
}

int result_signal(struct result *r, int signo)
{
	int err = result_each_run(r, &signo, signal_run);

	if (err == -ESRCH && !state_is_final(result_state(r)))
		err = -EAGAIN;
	return err;
}
