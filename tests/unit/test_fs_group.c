#include "tests/unit/unit.h"
#include "base/loop.h"
#include "fs/mirror/group.h"
#include "fs/mirror/merge.h"
#include "fs/mirror/merge_task.h"

static struct loop *loop;
static struct park parks;
static struct mirror m;

static void no_retry(struct waiter *w)
{
	(void)w;
}

static int begin(void **state)
{
	(void)state;
	loop = loop_new();
	park_init(&parks, loop, no_retry);
	mirror_init(&m, &parks);
	return 0;
}

static int end(void **state)
{
	(void)state;
	mirror_done(&m);
	park_done(&parks, -EINTR);
	loop_free(loop);
	return 0;
}

static struct group *new_map(uint32_t n)
{
	char text[200];
	int err = 0;
	struct result *r;

	snprintf(text, sizeof(text),
		 "{\"id\":7,\"kind\":\"map\",\"submitted\":1000,\"tasks\":%u,"
		 "\"count\":[%u,0,0,0,0],\"status\":\"pending\",\"task\":null}",
		 n, n);
	r = merge_result(&m, bytes_str(text), 5, true, NULL, &err);
	assert_non_null(r);
	assert_non_null(r->group);
	assert_null(r->task);
	assert_int_equal(r->group->n, n);
	return r->group;
}

static struct task ended(enum state s, int64_t when, uint64_t bytes)
{
	return (struct task){
		.state = (uint8_t)s,
		.attempt = 1,
		.started = 1,
		.completed = when,
		.elapsed = when,
		.size = {[STREAM_STDOUT] = bytes},
		.value_is_stdout = true,
	};
}

static void finish(struct group *g, uint32_t i, enum state s, uint64_t bytes)
{
	struct task t = ended(s, 100 + i, bytes);

	group_change(g, i, &t, &USAGE_UNKNOWN, 6);
}

static uint64_t grow(struct group *g, enum offsets_of of)
{
	return offsets_grow(&g->offsets[of], g);
}

static void more(uint32_t n, uint64_t seq)
{
	char text[200];
	int err = 0;

	snprintf(text, sizeof(text),
		 "{\"id\":7,\"kind\":\"map\",\"submitted\":1000,\"tasks\":%u,"
		 "\"count\":[%u,0,1,0,0],\"options\":{\"open\":1},"
		 "\"status\":\"running\",\"task\":null}", n, n - 1);
	assert_non_null(merge_result(&m, bytes_str(text), seq, false, NULL, &err));
}

/* What was known of its tasks stays; the new ones wait. */
static void test_more_tasks(void **state)
{
	static const struct usage used = {.user = 1, .system = 2, .memory = 3};
	struct group *g = new_map(1);
	uint32_t at[] = {0, 2}, n;
	struct task t = ended(STATE_OK, 100, 10);

	(void)state;
	more(1, 6);
	assert_false(result_is_single(g->result));
	group_change(g, 0, &t, &used, 7);
	group_set_items(g, 0, at);
	assert_int_equal(grow(g, OFFSETS_VALUE), 10);
	for (n = 2; n < 4 * GROUP_BLOCK; n = n * 4 - 1) {
		more(n, 6 + n);
		assert_int_equal(g->n, n);
		assert_null(group_items(g, 0));
		assert_int_equal(group_task(g, n - 1)->state, STATE_PENDING);
		assert_true(group_usage(g, n - 1).user < 0);
		assert_true(group_usage(g, 0).user == 1);
		t.elapsed = 100 + n;
		group_change(g, n - 1, &t, &used, 7 + n);
		assert_true(group_usage(g, n - 1).user == 1);
	}
	assert_true(g->nblocks > 1);
	assert_int_equal(g->ndone, 9);
	assert_int_equal(grow(g, OFFSETS_VALUE), 20);
	more(1, 100000);
	assert_int_equal(g->n, (n + 1) / 4);
}

static void test_lanes(void **state)
{
	struct group *g = new_map(4);

	(void)state;
	finish(g, 1, STATE_OK, 10);
	assert_int_equal(grow(g, OFFSETS_VALUE), 0);
	assert_int_equal(grow(g, OFFSETS_OUTPUT_DONE), 10);
	finish(g, 0, STATE_OK, 5);
	assert_int_equal(grow(g, OFFSETS_VALUE), 15);
	finish(g, 3, STATE_OK, 7);
	finish(g, 2, STATE_ERROR, 3);
	assert_int_equal(grow(g, OFFSETS_VALUE), 15);
	assert_int_equal(g->offsets[OFFSETS_VALUE].next, 2);
	assert_int_equal(grow(g, OFFSETS_STDOUT), 25);
	assert_int_equal(grow(g, OFFSETS_STDERR), 0);
	assert_int_equal(grow(g, OFFSETS_NUMBERS), 8);
	assert_int_equal(offsets_task(&g->offsets[OFFSETS_NUMBERS], g, 0), 1);
	assert_int_equal(offsets_task(&g->offsets[OFFSETS_NUMBERS], g, 3), 2);
}

static void test_finding_a_byte(void **state)
{
	struct group *g = new_map(3000);
	struct offsets *l = &g->offsets[OFFSETS_VALUE];
	uint64_t off = 0, start, sum = 0;
	uint32_t i;

	(void)state;
	for (i = 0; i < g->n; i++) {
		finish(g, i, STATE_OK, i % 7);
		sum += i % 7;
	}
	assert_int_equal(offsets_grow(l, g), sum);
	for (i = 0; i < g->n; i++) {
		uint64_t k;

		for (k = 0; k < i % 7; k++) {
			assert_int_equal(offsets_find(l, g, off + k, &start),
					 i);
			assert_int_equal(start, off);
		}
		off += i % 7;
	}
}

/* A map that waits, whatever is told of it, takes no memory for its tasks. */
static void test_tasks_that_wait(void **state)
{
	struct group *g = new_map(GROUP_BLOCK + 5);
	struct task t = {.state = STATE_PENDING, .engine = -1, .exit_status = -1,
			 .signal = -1};

	(void)state;
	group_change(g, GROUP_BLOCK, &t, &USAGE_UNKNOWN, 6);
	assert_null(g->block[0].task);
	assert_null(g->block[1].task);
	t.held = true;
	group_change(g, GROUP_BLOCK + 1, &t, &USAGE_UNKNOWN, 7);
	assert_null(g->block[0].task);
	assert_true(group_task(g, GROUP_BLOCK + 1)->held);
	assert_false(group_task(g, GROUP_BLOCK)->held);
	assert_false(group_task(g, GROUP_BLOCK + 4)->held);
	assert_int_equal(group_task(g, GROUP_BLOCK + 4)->engine, -1);
	t.held = false;
	group_change(g, GROUP_BLOCK + 1, &t, &USAGE_UNKNOWN, 8);
	assert_false(group_task(g, GROUP_BLOCK + 1)->held);
}

static void test_what_ended_stays(void **state)
{
	struct group *g = new_map(2);
	struct task t = ended(STATE_OK, 9, 1);

	(void)state;
	group_change(g, 0, &t, &USAGE_UNKNOWN, 6);
	t.state = STATE_RUNNING;
	group_change(g, 0, &t, &USAGE_UNKNOWN, 7);
	assert_int_equal(group_task(g, 0)->state, STATE_OK);
	assert_int_equal(g->ndone, 1);
}

static void test_shares_of_engines(void **state)
{
	struct group *g = new_map(3);
	struct task t = {.state = STATE_RUNNING, .engine = 5, .attempt = 1};

	(void)state;
	assert_null(group_share(g, 0));
	group_change(g, 0, &t, &USAGE_UNKNOWN, 6);
	group_change(g, 2, &t, &USAGE_UNKNOWN, 6);
	t.engine = 2;
	group_change(g, 1, &t, &USAGE_UNKNOWN, 6);
	assert_int_equal(group_share(g, 0)->engine, 2);
	assert_int_equal(group_share(g, 3)->n, 2);
	group_change(g, 0, &t, &USAGE_UNKNOWN, 7); /* another try, elsewhere */
	assert_int_equal(group_share(g, 5)->n, 1);
	assert_int_equal(group_share(g, 2)->n, 2);
	assert_null(group_share(g, 6));
}

static void test_the_rest(void **state)
{
	struct group *g = new_map(5);
	struct rest rest = {.from = 2, .state = STATE_ABORTED, .when = 50};

	(void)state;
	group_end_rest(g, &rest, 6);
	assert_int_equal(group_task(g, 1)->state, STATE_PENDING);
	assert_int_equal(group_task(g, 2)->state, STATE_ABORTED);
	assert_int_equal(group_task(g, 4)->completed, 50);
	assert_int_equal(g->ndone, 3);
}

static void doubt(struct group *g, uint64_t seq)
{
	g->result->started = 1;
	group_doubt(g, seq);
}

static void test_what_was_read_is_never_older(void **state)
{
	struct group *g = new_map(2);
	struct usage used[2] = {{1, 2, 3}, {4, 5, 6}};
	struct task fresh[2], t = ended(STATE_OK, 9, 1);

	(void)state;
	fresh[0] = *group_task(g, 0);
	fresh[1] = *group_task(g, 1);
	fresh[0].state = STATE_RUNNING;
	doubt(g, 10);
	assert_false(group_is_known(g));
	assert_false(list_empty(&m.unread));
	assert_int_equal(grow(g, OFFSETS_NUMBERS), 0);
	/* A change while it is being read: an older answer is worthless. */
	group_change(g, 1, &t, &USAGE_UNKNOWN, 12);
	assert_false(group_fill(g, 0, fresh, used, 2, 11));
	assert_true(group_usage(g, 0).user < 0);
	assert_true(group_fill(g, 0, fresh, used, 2, 12));
	assert_int_equal(group_usage(g, 0).memory, 3);
	assert_int_equal(group_usage(g, 1).memory, 6);
	assert_true(group_is_known(g));
	assert_true(list_empty(&m.unread));
	/* The same change may come late. */
	group_change(g, 0, &t, &USAGE_UNKNOWN, 12);
	assert_int_equal(group_task(g, 0)->state, STATE_RUNNING);
	group_change(g, 0, &t, &USAGE_UNKNOWN, 13);
	assert_int_equal(group_task(g, 0)->state, STATE_OK);
}

static void test_read_ends_are_put_in_order(void **state)
{
	struct group *g = new_map(3);
	struct usage used[3] = {{0}};
	struct task t[3];

	(void)state;
	doubt(g, 10);
	t[0] = ended(STATE_OK, 30, 0);
	t[1] = ended(STATE_OK, 10, 0);
	t[2] = ended(STATE_OK, 20, 0);
	assert_true(group_fill(g, 0, t, used, 3, 10));
	assert_int_equal(g->done[0], 1);
	assert_int_equal(g->done[1], 2);
	assert_int_equal(g->done[2], 0);
	/* What has ended need not be read again. */
	doubt(g, 20);
	assert_true(group_is_known(g));
}

static void test_nothing_that_happened_needs_no_reading(void **state)
{
	struct group *g = new_map(100000);

	(void)state;
	group_doubt(g, 10);
	assert_true(group_is_known(g));
	doubt(g, 10);
	assert_int_equal(g->unknown, 13);
}

static void test_another_controller_counts_from_the_beginning(void **state)
{
	struct group *g = new_map(1);
	struct task t = ended(STATE_OK, 9, 1);

	(void)state;
	g->block[0].seq = 500;
	group_change(g, 0, &t, &USAGE_UNKNOWN, 3);
	assert_int_equal(group_task(g, 0)->state, STATE_PENDING);
	group_forget_numbers(g);
	group_change(g, 0, &t, &USAGE_UNKNOWN, 3);
	assert_int_equal(group_task(g, 0)->state, STATE_OK);
}

static void test_the_first_failures(void **state)
{
	static const uint32_t order[] = {7, 3, 9, 5, 1, 8, 0};
	static const uint32_t first[] = {0, 1, 3, 5};
	struct group *g = new_map(10);
	uint32_t got[GROUP_ERRORS];
	size_t i;

	(void)state;
	assert_int_equal(group_failed(g, got), 0);
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		finish(g, order[i], STATE_ERROR, 0);
		/* It is the result that says how many. */
		g->result->count[STATE_ERROR]++;
		assert_int_equal(group_failed(g, got),
				 min_u64(i + 1, GROUP_ERRORS));
	}
	finish(g, 2, STATE_OK, 0);
	finish(g, 0, STATE_ERROR, 0);
	assert_int_equal(group_failed(g, got), GROUP_ERRORS);
	assert_memory_equal(got, first, sizeof(first));
	g->result->count[STATE_ERROR] = 2;
	assert_int_equal(group_failed(g, got), 2);
}

static void test_tasks_in_short(void **state)
{
	static const char *const bad[] = {
		"[]", "{}", "[5,1,0,0,0,0,0,-1,-1,0,0,0,0,0]",
		"[0,0,0,0,0,0,0,-1,-1,0,0,0,0,0]",
		"[0,9,0,0,0,0,0,-1,-1,0,0,0,0,0]",
		"[0,1,0,0,0,0,0,-1,-1]", "[0,1,\"x\"]",
		"[-1,1,0,0,0,0,0,-1,-1,0,0,0,0,0]",
	};
	struct usage u;
	struct task t;
	uint32_t i;
	size_t k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(bad); k++)
		assert_false(merge_short(bytes_str(bad[k]), 5, &i, &t, &u));
	assert_true(merge_short(
		bytes_str("[4,4,2,3,10,20,30,1,-1,5,6,7,8,1,1]"), 5, &i, &t, &u));
	assert_int_equal(i, 4);
	assert_int_equal(t.state, STATE_ERROR);
	assert_int_equal(t.engine, 2);
	assert_int_equal(t.attempt, 3);
	assert_int_equal(t.received, 30);
	assert_int_equal(t.exit_status, 1);
	assert_int_equal(t.size[STREAM_DATA], 8);
	assert_int_equal(task_size(&t, STREAM_VALUE), 5);
	assert_int_equal(task_outcome(&t), -ETIMEDOUT);
	assert_true(u.user < 0);
	assert_true(merge_short(
		bytes_str("[4,4,2,3,10,20,30,1,-1,5,6,7,8,1,1,0,1,2,3,1500,250,4096]"),
		5, &i, &t, &u));
	assert_int_equal(u.user * 1000, 1500);
	assert_int_equal(u.system * 1000, 250);
	assert_int_equal(u.memory, 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static const struct CMUnitTest tests[] = {
	TEST(test_more_tasks),
	TEST(test_lanes),
	TEST(test_finding_a_byte),
	TEST(test_tasks_that_wait),
	TEST(test_what_ended_stays),
	TEST(test_shares_of_engines),
	TEST(test_the_rest),
	TEST(test_what_was_read_is_never_older),
	TEST(test_read_ends_are_put_in_order),
	TEST(test_nothing_that_happened_needs_no_reading),
	TEST(test_another_controller_counts_from_the_beginning),
	TEST(test_the_first_failures),
	TEST(test_tasks_in_short),
};

UNIT_MAIN(tests)
