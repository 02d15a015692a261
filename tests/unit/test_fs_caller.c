#include "tests/unit/unit.h"
#include "fs/park/caller.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void test_stat_lines(void **state)
{
	struct process p = {0};

	(void)state;
	assert_true(process_parse_stat(
		bytes_str("42 (a) b (c) S 7 42 42 0 -1 4194304 1 2 3 4 5 6 7 "
			  "8 20 0 1 0 123456 1 2 3"),
		&p));
	assert_int_equal(p.parent, 7);
	assert_int_equal(p.start, 123456);
	assert_false(process_parse_stat(bytes_str(""), &p));
	assert_false(process_parse_stat(bytes_str("42 (x) S 7 1 1"), &p));
	assert_false(process_parse_stat(bytes_str("42 (x) S y 1 1"), &p));
}

static void test_killed(void **state)
{
	static const char line[] =
		"42 (a) S 7 42 42 0 -1 %u 1 2 3 4 5 6 7 8 20 0 1 0 123456 1 2 "
		"3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 "
		"26 27 28 29 %u\n";
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), line, 4U, 15U);
	assert_true(process_parse_killed(bytes_str(text)));
	snprintf(text, sizeof(text), line, 4U, 15U << 8);
	assert_false(process_parse_killed(bytes_str(text)));
	snprintf(text, sizeof(text), line, 0x400040U, 15U);
	assert_false(process_parse_killed(bytes_str(text)));
	assert_false(process_parse_killed(bytes_str("42 (x) S 7 1 1")));
	assert_false(process_parse_killed(bytes_str("")));
	assert_false(process_is_killed(getpid()));
}

static void *in_thread(void *arg)
{
	*(bool *)arg = process_of_thread((pid_t)syscall(SYS_gettid),
					 &((struct process *)arg)[1]);
	return NULL;
}

static void test_a_thread_belongs_to_its_process(void **state)
{
	struct process p[2] = {{0}};
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, in_thread, p), 0);
	pthread_join(t, NULL);
	assert_true(*(bool *)p);
	assert_int_equal(p[1].pid, getpid());
	assert_int_equal(p[1].parent, getppid());
	assert_false(process_of_thread(0, &p[0]));
}

/* What a child, and a child of it, see of a submission of their ancestor. */
static uint64_t seen_by_grandchild(struct callers *c)
{
	int status, id;
	pid_t pid = fork();

	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			_exit((int)callers_last(c, getpid()));
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(pid, &status, 0);
	id = WEXITSTATUS(status);
	return (uint64_t)id;
}

static void test_children_see_their_parents_submissions(void **state)
{
	struct callers c;
	struct process me;

	(void)state;
	callers_init(&c);
	assert_int_equal(callers_last(&c, getpid()), 0);
	assert_null(callers_error(&c, getpid()));
	assert_true(process_of_thread(getpid(), &me));
	callers_submitted(&c, &me, (uint64_t[]){7}, 1, false);
	assert_int_equal(callers_last(&c, getpid()), 7);
	assert_int_equal(seen_by_grandchild(&c), 7);
	callers_done(&c);
}

static void test_parents_see_their_childrens_submissions(void **state)
{
	struct callers c;
	struct process child = {0};
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	callers_init(&c);
	assert_true(process_of_thread(pid, &child));
	callers_submitted(&c, &child, (uint64_t[]){9}, 1, false);
	assert_int_equal(callers_last(&c, getpid()), 9);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(callers_last(&c, getpid()), 9);
	callers_done(&c);
}

static void test_errors(void **state)
{
	struct callers c;
	struct process me;

	(void)state;
	callers_init(&c);
	assert_true(process_of_thread(getpid(), &me));
	callers_refused(&c, &me, "no good");
	assert_string_equal(callers_error(&c, getpid()), "no good");
	assert_int_equal(callers_last(&c, getpid()), 0);
	callers_submitted(&c, &me, (uint64_t[]){3}, 1, true);
	assert_string_equal(callers_error(&c, getpid()), "no good");
	callers_submitted(&c, &me, (uint64_t[]){4}, 1, false);
	assert_null(callers_error(&c, getpid()));
	assert_int_equal(callers_last(&c, getpid()), 4);
	callers_done(&c);
}

static void test_untold(void **state)
{
	static const uint64_t ids[] = {3, 0, 5};
	struct callers c;
	struct process me;
	struct untold *u;
	uint64_t i;

	(void)state;
	callers_init(&c);
	assert_null(callers_untold(&c, getpid()));
	assert_true(process_of_thread(getpid(), &me));
	callers_submitted(&c, &me, ids, 3, false);
	u = callers_untold(&c, getpid());
	assert_int_equal(callers_last(&c, getpid()), 5);
	assert_int_equal(u->n, 2);
	assert_int_equal(u->id[0], 3);
	assert_int_equal(u->id[1], 5);
	u->ended = 2;
	for (i = 10; i < CALLER_UNTOLD + 8; i++)
		callers_submitted(&c, &me, &i, 1, false);
	assert_false(u->lost);
	assert_int_equal(u->n - u->first, CALLER_UNTOLD);
	callers_submitted(&c, &me, &i, 1, false);
	assert_true(u->lost);
	assert_int_equal(u->n - u->first, CALLER_UNTOLD);
	assert_int_equal(u->id[u->first], 5);
	assert_int_equal(u->ended - u->first, 1);
	u->first = u->ended;
	for (i = 0; i < 3 * CALLER_UNTOLD; i++) {
		callers_submitted(&c, &me, (uint64_t[]){i + 100000}, 1, false);
		assert_in_range(u->n - u->first, 1, CALLER_UNTOLD);
		assert_in_range(u->first, 0, u->ended);
		assert_int_equal(u->id[u->n - 1], i + 100000);
	}
	callers_done(&c);
}

static void test_the_table_is_bounded(void **state)
{
	struct callers c;
	struct process p = {.pid = INT32_MAX};
	unsigned i;

	(void)state;
	callers_init(&c);
	for (i = 1; i <= CALLERS_MAX + 100; i++) {
		p.start = i;
		callers_submitted(&c, &p, (uint64_t[]){i}, 1, false);
	}
	assert_int_equal(c.known.n, CALLERS_MAX);
	callers_done(&c);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_stat_lines),
	cmocka_unit_test(test_killed),
	cmocka_unit_test(test_a_thread_belongs_to_its_process),
	cmocka_unit_test(test_children_see_their_parents_submissions),
	cmocka_unit_test(test_parents_see_their_childrens_submissions),
	cmocka_unit_test(test_errors),
	cmocka_unit_test(test_untold),
	cmocka_unit_test(test_the_table_is_bounded),
};

UNIT_MAIN(tests)
