#include "made.h"

void made_note(struct made *m, uint64_t object, uint64_t id)
{
	struct made_run *r = m->nruns ? &m->run[m->nruns - 1] : NULL;

	m->last = id;
	if (m->nruns > MADE_RUNS)
		return;
	if (r && object == r->object + r->n && id == r->id + r->n) {
		r->n++;
		return;
	}
	if (m->nruns++ < MADE_RUNS)
		m->run[m->nruns - 1] = (struct made_run){object, id, 1};
}

static void put_run(const struct made_run *r, struct buf *out)
{
	unsigned long long object = r->object, id = r->id, more = r->n - 1;

	if (more)
		buf_printf(out, "objects %llu to %llu are results %llu to %llu",
			   object, object + more, id, id + more);
	else
		buf_printf(out, "object %llu is result %llu", object, id);
}

void made_put(const struct made *m, struct buf *out)
{
	unsigned i;

	for (i = 0; i < m->nruns && i < MADE_RUNS; i++) {
		buf_puts(out, i ? ", " : "; ");
		put_run(&m->run[i], out);
	}
	if (m->nruns > MADE_RUNS)
		buf_printf(out, " ...; the last is result %llu",
			   (unsigned long long)m->last);
}
