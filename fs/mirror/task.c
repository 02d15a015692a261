#include "task.h"

enum stream task_stream(const struct task *t, enum stream s)
{
	return s == STREAM_VALUE && t->value_is_stdout ? STREAM_STDOUT : s;
}

uint64_t task_size(const struct task *t, enum stream s)
{
	assert(s < STREAM_OUTPUTS);
	return t->size[task_stream(t, s)];
}

int task_outcome(const struct task *t)
{
	switch (t->state) {
	case STATE_OK:
		return 0;
	case STATE_ABORTED:
		return -ECANCELED;
	case STATE_ERROR:
		return t->timed_out ? -ETIMEDOUT : -EREMOTEIO;
	default:
		return -EAGAIN;
	}
}

void detail_done(struct detail *d)
{
	free(d->msg_id);
	free(d->engine_uuid);
	free(d->ename);
	free(d->evalue);
	free(d->traceback);
	free(d->cwd);
	free(d->attempts);
	*d = (struct detail){0};
}
