#include "tests/unit/unit.h"
#include "fs/drawing/bar.h"

#define SEC 1000000LL

static struct bar map_of(int64_t tasks, uint64_t ok, uint64_t failed)
{
	struct bar b = {
		.status = STATE_RUNNING,
		.tasks = tasks,
		.begun = true,
		.began = 2 * SEC,
		.age = 12 * SEC,
	};

	b.count[STATE_OK] = ok;
	b.count[STATE_ERROR] = failed;
	b.count[STATE_PENDING] = (uint64_t)tasks - ok - failed;
	return b;
}

static void expect(const struct bar *b, const char *want)
{
	struct buf out = BUF_INIT;

	bar_line(b, &out);
	assert_string_equal(buf_str(&out), want);
	assert_true(bar_columns(buf_bytes(&out)) <= BAR_COLUMNS);
	buf_done(&out);
}

static void test_one_task(void **state)
{
	struct bar b = {.status = STATE_PENDING, .tasks = 1,
			.age = 3 * SEC + 900000};

	(void)state;
	expect(&b, "pending for 3 s");
	b.why = "an engine to be free";
	expect(&b, "pending for 3 s (an engine to be free)");
	b.status = STATE_RUNNING;
	b.begun = true;
	b.began = 1 * SEC;
	expect(&b, "running for 2 s");
	b.age = 1 * SEC + 3605 * SEC;
	expect(&b, "running for 1:00:05");
	b.age = 1 * SEC + 65 * SEC;
	expect(&b, "running for 1:05");
}

static void test_the_end_of_one(void **state)
{
	struct bar b = {.status = STATE_OK, .tasks = 1, .begun = true,
			.began = 1 * SEC, .age = 3 * SEC + 250000};

	(void)state;
	expect(&b, "ok in 3.2 s");
	b.status = STATE_ABORTED;
	expect(&b, "aborted (3.2 s)");
	b.status = STATE_ERROR;
	expect(&b, "error (3.2 s)");
	b.ename = "ExitStatus";
	expect(&b, "error: ExitStatus (3.2 s)");
	b.evalue = "exit status 3\nand more";
	expect(&b, "error: ExitStatus: exit status 3 (3.2 s)");
	b.evalue = "a\tb\033[2J";
	expect(&b, "error: ExitStatus: a\\x09b\\x1b[2J (3.2 s)");
	b.evalue = "a text of an error that is much too long to fit into one "
		   "line of a terminal of 80 columns";
	expect(&b, "error: ExitStatus: a text of an error that is much too "
		   "long to fit i... (3.2 s)");
}

static void test_map(void **state)
{
	struct bar b = map_of(100, 0, 0);

	(void)state;
	b.status = STATE_PENDING;
	b.why = "hold";
	expect(&b, "[........................]   0% 0/100, "
		   "pending for 12 s (hold)");
	b = map_of(100, 0, 0);
	expect(&b, "[........................]   0% 0/100, "
		   "running for 10 s");
	b = map_of(100, 50, 0);
	expect(&b, "[############............]  50% 50/100, 5.0/s, "
		   "10 s, 10 s left");
	b = map_of(1000000, 299990, 10);
	expect(&b, "[######..............]  30% 300000/1000000, 10 failed, 30000/s, "
		   "10 s, 23 s left");
	b = map_of(100, 1, 0);
	expect(&b, "[........................]   1% 1/100, 6.0/min, "
		   "10 s, 16:30 left");
	b = map_of(100, 100, 0);
	expect(&b, "[########################] 100% 100/100, 10.0/s, "
		   "10 s, 0 s left");
}

static void test_the_end_of_a_map(void **state)
{
	struct bar b = map_of(10, 10, 0);

	(void)state;
	b.status = STATE_OK;
	expect(&b, "10/10 ok in 12.0 s");
	b = map_of(10, 7, 2);
	b.count[STATE_ABORTED] = 1;
	b.status = STATE_ERROR;
	expect(&b, "7/10 ok, 2 failed, 1 aborted in 12.0 s");
}

/* Whatever the numbers are: no line is too long, none divides by zero. */
static void test_extremes(void **state)
{
	static const int64_t tasks[] = {1, 2, 10000000, INT64_MAX};
	static const int64_t times[] = {0, 1, SEC, INT64_MAX / 2};
	size_t i, j, k;
	struct buf out = BUF_INIT;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		for (j = 0; j < ARRAY_SIZE(times); j++)
			for (k = 0; k < 4; k++) {
				struct bar b = map_of(tasks[i], k, 0);

				b.begun = times[k] > 0;
				b.began = times[k];
				b.age = times[j];
				b.why = "ä very löng reäson of ünusual "
					"chäracters thät tells nöthing at all";
				if (k == 3)
					b.count[STATE_OK] = UINT64_MAX / 200;
				buf_clear(&out);
				bar_line(&b, &out);
				assert_in_range(bar_columns(buf_bytes(&out)), 1,
						BAR_COLUMNS);
			}
	buf_done(&out);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_one_task),
	cmocka_unit_test(test_the_end_of_one),
	cmocka_unit_test(test_map),
	cmocka_unit_test(test_the_end_of_a_map),
	cmocka_unit_test(test_extremes),
};

UNIT_MAIN(tests)
