/* A query: what is taken can be asked of any result, what is not has a reason. */
#include "tests/fuzz/fuzz.h"
#include "query/terms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result r = {.id = 7, .tasks = 1, .status = STATE_ERROR, .uid = 3,
			   .submitted = 1000, .task = &r.one};
	struct buf why = BUF_INIT;
	struct query q;
	int err = query_parse(&q, bytes_of(data, size), &why);

	assert((err != 0) == (why.n != 0));
	if (!err) {
		assert(q.n > 0 && q.n <= QUERY_TERMS);
		/* The states say which results can match. */
		assert(!query_matches(&q, &r) || q.states >> STATE_ERROR & 1);
	}
	buf_done(&why);
	return 0;
}
