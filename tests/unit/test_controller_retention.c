/* Which results go, when, and that the store and the memory agree on it. */
#include "tests/unit/fake_controller.h"

#include "schedule/lifetime.h"

/* Results 1 to n, which end in that order. */
static void end_some(struct controller *c, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		struct result *r = submit(c, "{}");

		settle(c);
		ends(r, 0, i % 2 ? EVENT_FAIL : EVENT_SUCCEED);
	}
}

/* Their ids: "2 3". In the memory and in the database. */
static void assert_kept(struct controller *c, const char *want)
{
	struct buf got = BUF_INIT;
	struct list *l;
	char *stored;

	settle(c);
	list_for_each(l, &c->results->order)
		buf_printf(&got, "%s%llu", got.n ? " " : "",
			   (unsigned long long)
				   list_entry(l, struct result, by_id)->id);
	assert_text(buf_bytes(&got), want);
	stored = stored_text(c, "SELECT COALESCE(group_concat(id, ' '), '') "
				"FROM (SELECT id FROM results ORDER BY id)");
	assert_string_equal(stored, want);
	free(stored);
	buf_done(&got);
}

static void test_so_many(void **state)
{
	struct controller *c = *state;
	struct result *r;

	c->config.keep_results = 2;
	submit(c, "{'priority': -1}");
	engine_add(c, 0);
	settle(c);
	end_some(c, 4);
	/* What runs is not one of them. The oldest is who ended first. */
	assert_kept(c, "1 4 5");
	assert_int_equal(c->count.purged, 2);
	r = result_find(c, 1);
	ends(r, 0, EVENT_SUCCEED);
	assert_kept(c, "1 5");
	end_some(c, 1);
	assert_kept(c, "1 6");
	assert_int_equal(c->results->nfinished, 2);
}

static void test_so_many_bytes(void **state)
{
	struct controller *c = *state;

	engine_add(c, 0);
	fake.stdin_size = 96;
	c->config.keep_bytes = 250;
	end_some(c, 3);
	assert_kept(c, "2 3");
	assert_int_equal(c->results->stored_bytes, 200);
	fake.stdin_size = 1000;
	end_some(c, 1);
	/* One that is too large for itself goes as well. */
	assert_kept(c, "");
	assert_int_equal(c->results->stored_bytes, 0);
}

/* Since it ended, not since it was submitted. */
static void test_so_old(void **state)
{
	struct controller *c = *state;
	int64_t hour = 3600 * (int64_t)USEC_PER_SEC;

	c->config.keep_age = (uint64_t)(2 * hour);
	engine_add(c, 0);
	submit(c, "{}");
	settle(c);
	c->clock += 3 * hour;
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	c->clock += hour;
	end_some(c, 1);
	assert_kept(c, "1 2");
	c->clock += hour + hour / 2;
	results_retain(c);
	assert_kept(c, "2");
	c->clock += hour;
	results_retain(c);
	assert_kept(c, "");
}

static void test_without_limits(void **state)
{
	struct controller *c = *state;

	engine_add(c, 0);
	end_some(c, 3);
	c->clock += 1000000 * (int64_t)USEC_PER_SEC;
	results_retain(c);
	assert_kept(c, "1 2 3");
	c->config.keep_results = 1;
	results_retain(c);
	assert_kept(c, "3");
}

static void test_purge_by_hand(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");

	assert_int_equal(result_purge(r, fake_done, NULL), -EBUSY);
	engine_add(c, 0);
	settle(c);
	assert_int_equal(result_purge(r, fake_done, NULL), -EBUSY);
	ends_soon(r, 0, EVENT_SUCCEED);
	assert_int_equal(result_purge(r, fake_done, NULL), -EBUSY);
	settle(c);
	assert_int_equal(result_purge(r, fake_done, NULL), 0);
	assert_int_equal(result_purge(r, fake_done, NULL), -EALREADY);
	assert_non_null(result_find(c, 1));
	assert_int_equal(fake.done, 0);
	assert_kept(c, "");
	assert_int_equal(fake.done, 1);
	assert_int_equal(c->changes->npurged, 1);
	assert_int_equal(c->changes->purged[0], 1);
	/* Its id does not come again. */
	c = fake_restart(state);
	assert_int_equal(submit(c, "{}")->id, 2);
	settle(c);
}

/* What the store does not take away is still there, and goes the next time. */
static void test_a_purge_that_is_not_stored(void **state)
{
	struct controller *c = *state;

	engine_add(c, 0);
	end_some(c, 2);
	store_refuse(c, "DELETE ON results");
	assert_int_equal(result_purge(result_find(c, 1), fake_done, NULL), 0);
	settle(c);
	assert_int_equal(fake.done_err, -EEXIST);
	assert_int_equal(c->results->nfinished, 2);
	c->config.keep_results = 1;
	results_retain(c);
	assert_int_equal(c->results->nfinished, 1);
	assert_kept(c, "1 2");
	assert_int_equal(c->results->nfinished, 2);
	assert_int_equal(c->changes->npurged, 0);
	store_refuse(c, NULL);
	results_retain(c);
	assert_int_equal(c->results->nfinished, 1);
	settle(c);
	assert_int_equal(c->results->by_id.n, 1);
}

/* What is being purged is not counted: no other has to go for it. */
static void test_a_purge_under_way(void **state)
{
	struct controller *c = *state;

	engine_add(c, 0);
	end_some(c, 3);
	assert_int_equal(result_purge(result_find(c, 1), fake_done, NULL), 0);
	c->config.keep_results = 2;
	results_retain(c);
	assert_int_equal(c->results->nfinished, 2);
	assert_kept(c, "2 3");
	assert_int_equal(fake.done, 1);
	assert_int_equal(c->results->nfinished, 2);
}

/* Also at a start with other limits. */
static void test_at_the_start(void **state)
{
	struct controller *c = *state;

	engine_add(c, 0);
	end_some(c, 3);
	c = fake_restart(state);
	assert_int_equal(c->results->nfinished, 3);
	assert_int_equal(c->results->stored_bytes, 3 * strlen("true"));
	c->config.keep_results = 1;
	results_retain(c);
	assert_kept(c, "3");
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_so_many),
	CONTROLLER_TEST(test_so_many_bytes),
	CONTROLLER_TEST(test_so_old),
	CONTROLLER_TEST(test_without_limits),
	CONTROLLER_TEST(test_purge_by_hand),
	CONTROLLER_TEST(test_a_purge_that_is_not_stored),
	CONTROLLER_TEST(test_a_purge_under_way),
	CONTROLLER_TEST(test_at_the_start),
};

UNIT_MAIN(tests)
