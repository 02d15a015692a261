/*
 * draw: pictures (fs/drawing/timeline.h) of what no test can wait for.
 *
 *	draw N ENGINES FAILED	N tasks in turn on so many engines, each 1 ms of
 *				the 2 ms it has there; task FAILED fails
 */
#include "base/base.h"
#include "base/opt.h"
#include "drawing/timeline.h"

#define SLOT 2000

struct work {
	uint64_t engines, failed;
};

static void bar(const void *arg, uint64_t i, struct timeline_bar *ret)
{
	const struct work *w = arg;

	*ret = (struct timeline_bar){
		.engine = (int64_t)(i % w->engines),
		.start = 1000000 + (int64_t)(i / w->engines) * SLOT,
		.state = i == w->failed ? STATE_ERROR : STATE_OK,
		.task = i,
		.attempt = 1,
	};
	ret->end = ret->start + SLOT / 2;
}

int main(int argc, char **argv)
{
	struct work w = {0};
	struct timeline t = {
		.id = 1,
		.task = -1,
		.status = STATE_ERROR,
		.submitted = 1000000,
		.bar = bar,
		.arg = &w,
	};
	struct buf b = BUF_INIT;
	bool ok;

	if (argc != 4)
		return EXIT_USAGE;
	t.n = strtoull(argv[1], NULL, 10);
	w.engines = strtoull(argv[2], NULL, 10);
	w.failed = strtoull(argv[3], NULL, 10);
	t.count[STATE_OK] = t.n - 1;
	t.count[STATE_ERROR] = 1;
	timeline_put(&t, &b);
	ok = fwrite(b.p, 1, b.n, stdout) == b.n && fflush(stdout) == 0;
	buf_done(&b);
	return ok ? EXIT_OK : EXIT_FAILED;
}
