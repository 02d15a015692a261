#include "base/base.h"
#include "apply.h"

#include "ending.h"
#include "lifetime.h"
#include "model/changes.h"
#include "model/tasks.h"
#include "run.h"
#include "unbegun.h"

/* The last bytes of outputs stay until mounts/events.c has told them. */
static void take_outputs(struct result *r, struct task_row *row)
{
	struct task *t = &r->task[row->index];
	int i;

	task_drop_outputs(r, row->index);
	t->in_file = 0;
	for (i = 0; i < STREAM_OUTPUTS; i++) {
		t->size[i] = row->size[i];
		t->in_file |= (uint8_t)(row->in_file[i] << i);
		if (row->in_file[i] || row->bytes[i].n == 0 ||
		    row->bytes[i].n > LIMIT_INLINE)
			continue;
		if (!t->out)
			t->out = zalloc(sizeof(*t->out));
		t->out->of[i].mem = row->bytes[i];
		t->out->of[i].size = row->size[i];
		row->bytes[i] = (struct buf)BUF_INIT;
	}
}

/* Forgets what the last try wrote: the next one writes its own. */
static void forget_try(struct result *r, uint32_t index)
{
	struct task *t = &r->task[index];

	task_drop_outputs(r, index);
	memset(t->size, 0, sizeof(t->size));
	t->in_file = 0;
	t->told_broken = false;
}

static const struct ending aborted = {.event = EVENT_ABORT};

static void abort_waiting(struct result *r)
{
	result_end_waiting(r, &aborted);
}

/* Too many tasks of a map failed: no more of it are begun. */
static void halt(struct result *r)
{
	static const struct ending halted = {
		.event = EVENT_ABORT,
		.ename = "Halted",
	};

	result_end_saying(r, &halted, "%llu tasks failed, and halt is %llu",
			  (unsigned long long)r->count[STATE_ERROR],
			  (unsigned long long)r->halt);
}

static bool is_halted(const struct result *r)
{
	return r->halt && r->count[STATE_ERROR] >= r->halt;
}

void task_apply(struct result *r, struct task_row *row, enum state_event event)
{
	struct task *t = &r->task[row->index];
	enum state s = state_next((enum state)t->state, event);

	assert(s != STATE_NONE);
	task_set_state(r, t, s);
	r->c->count.begun += event == EVENT_START;
	r->c->count.ended[s] += state_is_final(s);
	task_set_row(t, row);
	if (s == STATE_PENDING) {
		forget_try(r, row->index);
		/* The option timeout counts anew. */
		if (!result_is_many(r))
			result_wait(r);
		task_unclaim(r, row->index);
	}
	if (state_is_final(s))
		take_outputs(r, row);
	result_count_times(r, t);
	task_shed_details(r, t);
	task_changed(r, row->index);
	if (s == STATE_PENDING && r->aborting)
		abort_waiting(r);
	else if (s == STATE_PENDING && t->aborting)
		task_end_pending(r, row->index, &aborted);
	else if (s == STATE_PENDING && is_halted(r))
		halt(r);
	result_changed(r, state_is_final(s) ? CHANGED_END : CHANGED_STATE);
	if (s == STATE_ERROR && is_halted(r))
		halt(r);
	if (state_is_final(result_state(r)))
		result_end(r);
}
