/* Which tasks count for a pool, and that only so many are looked at as matter. */
#include "tests/unit/fake_controller.h"

#include "model/ready.h"
#include "model/tasks.h"
#include "pools/demand.h"
#include "pools/pools.h"
#include "steer/setting.h"

static int setup(void **state)
{
	int err = fake_setup(state);

	pools_init(*state);
	return err;
}

static int teardown(void **state)
{
	pools_done(*state);
	return fake_teardown(state);
}

#define POOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static struct pool *add_pool(struct controller *c, const char *name)
{
	return pool_new(c, (int64_t)c->pools->by_name.n + 1, name);
}

/* How many engines of each pool are wanted, when each may have so many. */
static void share(struct controller *c, uint64_t max)
{
	struct list *at;

	settle(c);
	list_for_each(at, &c->pools->all) {
		struct pool *p = list_entry(at, struct pool, link);

		p->plan = (struct plan){.max = max, .backlog = max, .claims = true};
		plan_begin(&p->plan);
	}
	demand_share(c);
	list_for_each(at, &c->pools->all)
		plan_decide(&list_entry(at, struct pool, link)->plan);
}

static uint64_t wanted(struct controller *c, struct pool *p, uint64_t max)
{
	share(c, max);
	return p->plan.wanted;
}

static void test_what_waits_counts(void **state)
{
	struct controller *c = *state;
	struct pool *p = add_pool(c, "a");

	assert_int_equal(wanted(c, p, 10), 0);
	submit(c, "{}");
	submit(c, "{'priority': 3}");
	assert_int_equal(wanted(c, p, 10), 2);
	submit_map(c, 5, "{}");
	assert_int_equal(wanted(c, p, 10), 7);
	assert_false(p->plan.short_of);
	assert_int_equal(wanted(c, p, 5), 7);
	assert_true(p->plan.short_of);
	assert_int_equal(wanted(c, p, 0), 7);
}

static void test_what_cannot_begin_does_not(void **state)
{
	struct controller *c = *state;
	struct pool *p = add_pool(c, "a");
	struct result *r = submit_map(c, 5, "{}");

	assert_int_equal(wanted(c, p, 10), 5);
	assert_int_equal(task_hold(r, 2, true, fake_done, NULL), 0);
	assert_int_equal(wanted(c, p, 10), 4);
	assert_int_equal(result_hold(r, true, fake_done, NULL), 0);
	assert_int_equal(wanted(c, p, 10), 0);
	submit_map(c, 5, "{'max_running': 2}");
	assert_int_equal(wanted(c, p, 10), 2);
	submit(c, "{'after': [1]}");
	assert_int_equal(wanted(c, p, 10), 2);
}

/* An engine is there for it, or only certain ones will do. */
static void test_what_needs_other_engines_does_not(void **state)
{
	struct controller *c = *state;
	struct pool *p = add_pool(c, "a");

	c->config.hwm = 1;
	engine_add(c, 0);
	settle(c);
	submit(c, "{}");
	assert_int_equal(wanted(c, p, 10), 0);
	submit(c, "{'targets': [0]}");
	submit_view(c, "{'targets': [0]}");
	assert_int_equal(wanted(c, p, 10), 0);
	submit(c, "{}");
	assert_int_equal(wanted(c, p, 10), 1);
}

static void test_what_fits(void **state)
{
	struct controller *c = *state;
	struct pool *p = add_pool(c, "a");
	struct bytes hour = bytes_str("3600");

	submit(c, "{'cpus': 3}");
	submit(c, "{'resources': {'gpu': 2}}");
	submit(c, "{'min_time': 7200}");
	/* Nothing is known of its engines. */
	assert_int_equal(wanted(c, p, 10), 3);
	pool_set_option(p, pool_option_find(bytes_str("lifetime")), hour);
	assert_int_equal(wanted(c, p, 10), 2);
	p->slots = 2;
	assert_int_equal(wanted(c, p, 10), 0);
	p->slots = 3;
	assert_int_equal(wanted(c, p, 10), 1);
	assert_int_equal(amounts_set(&p->has, "gpu", 4), 0);
	assert_int_equal(wanted(c, p, 10), 2);
	/* Two more of these fit the same engine. */
	submit(c, "{'resources': {'gpu': 2}}");
	assert_int_equal(wanted(c, p, 10), 2);
	submit(c, "{'resources': {'gpu': 2}}");
	assert_int_equal(wanted(c, p, 10), 3);
}

static void test_the_first_pool_that_could(void **state)
{
	struct controller *c = *state;
	struct pool *b = add_pool(c, "b"), *a = add_pool(c, "a");

	submit_map(c, 5, "{}");
	share(c, 3);
	assert_int_equal(a->plan.wanted, 3);
	assert_int_equal(b->plan.wanted, 2);
	a->slots = 1;
	submit(c, "{'cpus': 2, 'priority': 1}");
	share(c, 3);
	assert_int_equal(a->plan.wanted, 3);
	assert_int_equal(b->plan.wanted, 3);
	/* What nobody has room for is wanted once. */
	share(c, 1);
	assert_int_equal(a->plan.wanted, 5);
	assert_int_equal(b->plan.wanted, 1);
}

/* Many results wait; as many are looked at as a pool could run. */
static void test_it_does_not_look_at_all(void **state)
{
	struct controller *c = *state;
	struct pool *p = add_pool(c, "a");
	struct result *r = NULL;
	struct task *task;
	int i;

	for (i = 0; i < 98 + DEMAND_MORE + 2; i++)
		r = submit(c, "{}");
	settle(c);
	/* Whoever looked at the last one would fall. */
	task = r->task;
	r->task = NULL;
	share(c, 98);
	r->task = task;
	assert_int_equal(p->plan.wanted, 98 + DEMAND_MORE);
	assert_true(p->plan.short_of);
}

static const struct CMUnitTest tests[] = {
	POOL_TEST(test_what_waits_counts),
	POOL_TEST(test_what_cannot_begin_does_not),
	POOL_TEST(test_what_needs_other_engines_does_not),
	POOL_TEST(test_what_fits),
	POOL_TEST(test_the_first_pool_that_could),
	POOL_TEST(test_it_does_not_look_at_all),
};

UNIT_MAIN(tests)
