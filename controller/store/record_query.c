#include "base/base.h"
#include "record_query.h"

struct record_query *record_query_new(unsigned long wanted)
{
	struct record_query *q = zalloc(sizeof(*q));

	q->wanted = wanted;
	q->args = json_object_new_array();
	q->order = "rid, key";
	return q;
}

static void free_buffers(struct buf *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		buf_done(&b[i]);
	free(b);
}

static void record_free(struct record *r)
{
	int i;

	for (i = 0; i < RECORD_COLUMNS; i++)
		free(r->value[i]);
	free_buffers(r->buffers, r->nbuffers);
	free_buffers(r->result_buffers, r->nresult_buffers);
}

void record_query_reset(struct record_query *q)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		record_free(&q->found[i]);
	free(q->found);
	q->found = NULL;
	q->n = q->bytes = 0;
}

void record_query_free(struct record_query *q)
{
	record_query_reset(q);
	buf_done(&q->where);
	json_object_put(q->args);
	free(q);
}

void record_query_among(struct record_query *q, const uint64_t *ids, size_t n)
{
	size_t i;

	buf_puts(&q->where, q->where.n ? " AND rid IN (" : "rid IN (");
	for (i = 0; i < n; i++)
		buf_printf(&q->where, "%s%llu", i ? "," : "",
			   (unsigned long long)ids[i]);
	buf_putc(&q->where, ')');
}
