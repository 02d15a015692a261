#include "base/base.h"
#include "rows.h"

void task_row_done(struct task_row *t)
{
	int i;

	free(t->msg_id);
	free(t->engine_uuid);
	free(t->ename);
	free(t->evalue);
	free(t->traceback);
	free(t->cwd);
	free(t->attempts);
	for (i = 0; i < STREAM_OUTPUTS; i++)
		buf_done(&t->bytes[i]);
}
