#include "progress.h"

struct bar progress_bar(const struct result *r, const struct task *t,
			const struct detail *d)
{
	struct bar b = {
		.status = t ? (enum state)t->state : r->status,
		.tasks = t ? 1 : r->tasks,
		.begun = (t ? t->started : r->started) > 0,
		.began = t ? t->began : r->began,
		.age = t && state_is_final((enum state)t->state) ? t->elapsed
								 : result_age(r),
		.why = r->why,
		.ename = d ? d->ename : NULL,
		.evalue = d ? d->evalue : NULL,
	};

	memcpy(b.count, r->count, sizeof(b.count));
	return b;
}
