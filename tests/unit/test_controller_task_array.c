/* The tasks of a result that was just made: alike, and not the same. */
#include "tests/unit/unit.h"

#include "model/task_array.h"

#include <sys/resource.h>

static void assert_fresh(const struct task *t)
{
	assert_int_equal(t->state, STATE_PENDING);
	assert_int_equal(t->engine, -1);
	assert_int_equal(t->exit_status, -1);
	assert_int_equal(t->signal, -1);
	assert_true(t->user < 0);
	assert_int_equal(t->attempt, 0);
	assert_null(t->details);
	assert_null(t->out);
}

/* Each task is written, and the others stay what they are, wherever the pieces of the
 * array end. */
static void check(size_t n)
{
	struct task *tasks = task_array_new(n), *other = task_array_new(n);
	size_t i;

	for (i = 0; i < n; i++) {
		assert_fresh(&tasks[i]);
		tasks[i].engine = (int32_t)i;
	}
	for (i = 0; i < n; i++) {
		assert_int_equal(tasks[i].engine, i);
		assert_fresh(&other[i]);
	}
	task_array_free(tasks, n);
	task_array_free(other, n);
}

static void test_small(void **state)
{
	(void)state;
	check(1);
	check(1000);
	task_array_free(NULL, 0);
}

static void test_large(void **state)
{
	(void)state;
	check(65536);
	check(100001);
}

/* Where no file can be made of them. */
static void test_no_descriptor(void **state)
{
	struct rlimit was, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	check(65536);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

/* So many KiB of this process are its own. */
static long own_memory(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	static const char key[] = "Private_Dirty:";
	char line[256];
	long n = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			n = strtol(line + strlen(key), NULL, 10);
	fclose(f);
	assert_true(n >= 0);
	return n;
}

static void test_memory(void **state)
{
	const size_t n = 1000000;
	long before = own_memory(), full = (long)(n * sizeof(struct task) / 1024);
	struct task *tasks = task_array_new(n);
	size_t i;

	(void)state;
	for (i = 0; i < n; i++)
		assert_int_equal(tasks[i].state, STATE_PENDING);
	assert_true(own_memory() - before < full / 10);
	task_array_free(tasks, n);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_small),
	cmocka_unit_test(test_large),
	cmocka_unit_test(test_no_descriptor),
	cmocka_unit_test(test_memory),
};

UNIT_MAIN(tests)
