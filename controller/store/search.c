#include "base/base.h"
#include "search.h"

void record_query_put(struct store *s, struct record_query *q,
		      void (*done)(struct store_op *op), void *arg)
{
	struct store_op *op = store_op_new(STORE_QUERY);

	op->query = q;
	op->done = done;
	op->arg = arg;
	store_put(s, op);
}
