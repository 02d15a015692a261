/* Which task goes to which engine, and when. */
#include "tests/unit/fake_controller.h"

#include "model/ready.h"
#include "schedule/policy.h"
#include "schedule/sched.h"
#include "model/queues.h"
#include "steer/setting.h"
#include "schedule/why.h"

static void assert_why(const struct result *r, const char *want)
{
	struct buf why = BUF_INIT;

	why_put(r, &why);
	assert_text(buf_bytes(&why), want);
	buf_done(&why);
}

/* --- the order of results ------------------------------------------------- */

static void test_by_priority_then_by_id(void **state)
{
	struct controller *c = *state;

	c->config.hwm = 1;
	submit(c, "{}");
	submit(c, "{'priority': -1}");
	submit(c, "{'priority': 5}");
	submit(c, "{}");
	submit(c, "{'priority': 5}");
	engine_add(c, 0);
	assert_sent(c, "send 3.0 to 0");
	ends(result_find(c, 3), 0, EVENT_SUCCEED);
	assert_sent(c, "send 5.0 to 0");
	ends(result_find(c, 5), 0, EVENT_SUCCEED);
	assert_sent(c, "send 1.0 to 0");
	assert_int_equal(set_option(result_find(c, 2), "priority", "1"), 0);
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 0");
	ends(result_find(c, 2), 0, EVENT_SUCCEED);
	assert_sent(c, "send 4.0 to 0");
}

/* A queue's limit holds for all of its results; those behind them go on. */
static void test_queues(void **state)
{
	struct controller *c = *state;
	struct queue *q = queue_new(c, bytes_str("q"));
	struct result *map, *one;

	c->config.hwm = 0;
	q->limit = 2;
	map = submit_map(c, 3, "{'queue': 'q'}");
	one = submit(c, "{'queue': 'q', 'targets': [0]}");
	submit(c, "{}");
	engine_add(c, 0);
	assert_sent(c, "send 1.0 to 0, send 1.1 to 0, send 3.0 to 0");
	assert_int_equal(queue_room(q), 0);
	assert_int_equal(q->count[STATE_PENDING], 2);
	assert_int_equal(q->count[STATE_RUNNING], 2);
	q->paused = true;
	ends(map, 0, EVENT_SUCCEED);
	assert_sent(c, "");
	q->paused = false;
	ends(map, 1, EVENT_SUCCEED);
	assert_sent(c, "send 1.2 to 0, send 2.0 to 0");
	store_put(c->store, queues_store_op(c));
	settle(c);
	c = fake_restart(state);
	q = queue_find(c, bytes_str("q"));
	assert_int_equal(q->limit, 2);
	assert_int_equal(q->active, 2);
	assert_int_equal(q->results, 2);
	(void)one;
}

/* What is tried again takes its old place. */
static void test_a_retry_takes_its_old_place(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'retries': 1}");

	c->config.hwm = 1;
	engine_add(c, 0);
	assert_sent(c, "send 1.0 to 0");
	submit(c, "{}");
	submit(c, "{}");
	settle(c);
	ends(r, 0, EVENT_FAIL);
	/* The engine was free before it was stored that 1 waits again. */
	assert_sent(c, "send 2.0 to 0");
	ends(result_find(c, 2), 0, EVENT_SUCCEED);
	assert_sent(c, "send 1.0 to 0");
}

/* The tasks of one result go out before those of the next. */
static void test_a_map_goes_first(void **state)
{
	struct controller *c = *state;

	c->config.hwm = 2;
	submit_map(c, 3, "{}");
	submit(c, "{}");
	engine_add(c, 0);
	engine_add(c, 1);
	assert_sent(c, "send 1.0 to 1, send 1.1 to 0, send 1.2 to 1, "
		       "send 2.0 to 0");
}

/* --- limits ---------------------------------------------------------------- */

static void test_an_engine_has_so_many(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 5, "{}");

	c->config.hwm = 2;
	engine_add(c, 0);
	settle(c);
	assert_tasks(r, "rrppp");
	assert_why(r, "an engine to be free");
	c->config.hwm = 0;
	ends(r, 0, EVENT_SUCCEED);
	assert_tasks(r, "orrrr");
	assert_why(r, "");
}

static void test_max_running(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 5, "{'max_running': 2}");

	engine_add(c, 0);
	engine_add(c, 1);
	settle(c);
	assert_tasks(r, "rrppp");
	assert_why(r, "one of its own tasks to end: max_running is 2");
	/* Those are not told apart that fail, are aborted, or end well. */
	ends(r, 1, EVENT_FAIL);
	assert_tasks(r, "rerpp");
	ends(r, 0, EVENT_ABORT);
	assert_tasks(r, "aerrp");
	ends(r, 3, EVENT_SUCCEED);
	assert_tasks(r, "aeror");
	ends(r, 2, EVENT_SUCCEED);
	ends(r, 4, EVENT_SUCCEED);
	assert_tasks(r, "aeooo");
	assert_int_equal(r->active, 0);
}

static void test_halt(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 6, "{'halt': 2}");
	char *why;

	c->config.hwm = 1;
	engine_add(c, 0);
	engine_add(c, 1);
	engine_add(c, 2);
	settle(c);
	ends(r, 0, EVENT_FAIL);
	assert_tasks(r, "errrpp");
	/* The second failure is not stored yet: no more is begun all the same. */
	ends_soon(r, 1, EVENT_FAIL);
	place(c);
	assert_int_equal(r->failing, 1);
	assert_tasks(r, "errrpp");
	settle(c);
	assert_tasks(r, "eerraa");
	assert_string_equal(r->unbegun.ename, "Halted");
	assert_string_equal(r->unbegun.evalue, "2 tasks failed, and halt is 2");
	why = stored_text(c, "SELECT rest_ename FROM results");
	assert_string_equal(why, "Halted");
	free(why);
	assert_false(state_is_final(result_state(r)));
	ends(r, 2, EVENT_SUCCEED);
	ends(r, 3, EVENT_FAIL);
	assert_tasks(r, "eeoeaa");
	assert_int_equal(r->failing, 0);
	assert_int_equal(result_state(r), STATE_ERROR);
	assert_sent(c, "send 1.0 to 2, send 1.1 to 1, send 1.2 to 0, "
		       "send 1.3 to 2");
}

/* What is tried again has not failed. */
static void test_halt_and_retries(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 2, "{'halt': 1, 'retries': 1}");

	engine_add(c, 0);
	settle(c);
	ends(r, 0, EVENT_FAIL);
	assert_tasks(r, "rr");
	ends(r, 0, EVENT_FAIL);
	assert_tasks(r, "er");
	ends(r, 1, EVENT_SUCCEED);
	assert_tasks(r, "eo");
}

/* --- which engine ----------------------------------------------------------- */

/* Only a live one that takes tasks has any. */
static void test_engines_that_take_none(void **state)
{
	struct controller *c = *state;
	struct engine *joining = engine_add(c, 0), *lost = engine_add(c, 1);
	struct engine *back = engine_add(c, 2), *draining = engine_add(c, 3);
	struct engine *leaving = engine_add(c, 4), *off = engine_add(c, 5);
	struct engine *busy = engine_add(c, 6);
	struct result *r;

	joining->state = ENGINE_JOINING;
	lost->state = ENGINE_LOST;
	back->state = ENGINE_BACK;
	draining->draining = true;
	leaving->leaving = true;
	off->not_before = UINT64_MAX;
	busy->ready = false;
	r = submit(c, "{}");
	assert_sent(c, "");
	off->not_before = 1;
	sched_kick(c);
	assert_sent(c, "send 1.0 to 5");
	assert_tasks(r, "r");
}

static void test_no_engine(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");
	struct engine *e;

	settle(c);
	assert_why(r, "an engine to register");
	e = engine_add(c, 0);
	e->draining = true;
	settle(c);
	assert_why(r, "an engine that takes tasks: all are draining");
	e->draining = false;
	result_avoid(r, 0);
	sched_kick(c);
	settle(c);
	assert_tasks(r, "p");
	assert_why(r, "another engine: it failed on, or was refused by, all "
		      "that there are");
	engine_add(c, 1);
	assert_sent(c, "send 1.0 to 1");
}

static void test_targets(void **state)
{
	struct controller *c = *state;
	struct result *r;

	c->config.hwm = 1;
	engine_add(c, 0);
	engine_add(c, 1);
	engine_add(c, 2);
	submit(c, "{'targets': [1, 2]}");
	submit(c, "{'targets': [1, 2]}");
	r = submit(c, "{'targets': [2, 1, 9]}");
	assert_sent(c, "send 1.0 to 2, send 2.0 to 1");
	assert_why(r, "one of the engines 2 1 to be free");
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "send 3.0 to 2");
	r = submit(c, "{'targets': [8, 9]}");
	settle(c);
	assert_tasks(r, "e");
	assert_error(r, "ImpossibleDependency: none of the engines it may run on "
			"is there: 8 9");
}

/* An engine that is not ready for tasks of mounts. */
static void test_an_engine_that_is_not_ready(void **state)
{
	struct result_ops columns = result_ops_mount;
	struct controller *c = *state;
	struct engine *e = engine_add(c, 3);
	struct result *r = submit(c, "{}"), *other = submit(c, "{}");

	columns.takes_unready = true;
	ready_remove(other);
	other->ops = &columns;
	ready_add(other);
	e->ready = false;
	settle(c);
	assert_sent(c, "send 2.0 to 3");
	assert_tasks(r, "p");
	other->ops = &result_ops_mount;
}

/* One that starts again is waited for; one that is gone for ever is not. */
static void test_a_target_that_is_expected(void **state)
{
	struct controller *c = *state;
	struct result *r, *other;
	struct engine *e = engine_add(c, 3);
	const int64_t again = 4;

	fake.awaited = &again;
	r = submit(c, "{'targets': [4]}");
	e->draining = true;
	other = submit(c, "{'targets': [3]}");
	settle(c);
	assert_why(r, "engine 4 to be there again: it restarts");
	assert_why(other, "engine 3 to take tasks again: it is draining");
	fake.awaited = NULL;
	sched_check(c);
	settle(c);
	assert_tasks(r, "e");
	assert_tasks(other, "p");
	engine_free(e);
	sched_check(c);
	settle(c);
	assert_error(other, "ImpossibleDependency: none of the engines it may run "
			    "on is there: 3");
}

static void test_a_view(void **state)
{
	struct controller *c = *state;
	struct result *r;
	const int64_t again = 2;

	c->config.hwm = 1;
	engine_add(c, 0);
	engine_add(c, 1);
	submit(c, "{'targets': [1]}");
	fake.awaited = &again;
	r = submit_view(c, "{'targets': [1, 0, 2, 7]}");
	assert_sent(c, "send 1.0 to 1, send 2.1 to 0");
	assert_tasks(r, "prpe");
	assert_why(r, "engine 1 to be free, "
		      "engine 2 to be there again: it restarts");
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 1");
	fake.awaited = NULL;
	sched_check(c);
	settle(c);
	assert_tasks(r, "rree");
}

/*
 * Engines that run no scripts of the shell: they are given one when there is no
 * other engine, or when they are named.
 */
static void test_engines_without_a_shell(void **state)
{
	struct controller *c = *state;
	struct engine *python = engine_add(c, 0), *shell;

	python->shell = false;
	python->python = true;
	submit(c, "{}");
	assert_sent(c, "send 1.0 to 0");
	shell = engine_add(c, 1);
	shell->draining = true;
	submit(c, "{}");
	assert_sent(c, "");
	submit(c, "{'targets': [0]}");
	assert_sent(c, "send 3.0 to 0");
	shell->draining = false;
	sched_kick(c);
	assert_sent(c, "send 2.0 to 1");
}

/* --- policies --------------------------------------------------------------- */

static void test_least_load(void **state)
{
	struct controller *c = *state;
	struct result *r;

	engine_add(c, 0);
	engine_add(c, 1);
	submit(c, "{'targets': [0]}");
	submit(c, "{'targets': [0]}");
	settle(c);
	buf_clear(&fake.sent);
	r = submit_map(c, 4, "{}");
	assert_sent(c, "send 3.0 to 1, send 3.1 to 1, send 3.2 to 0, "
		       "send 3.3 to 1");
	assert_tasks(r, "rrrr");
}

static void test_least_recently_used(void **state)
{
	struct controller *c = *state;

	c->policy = policy_find("lru");
	engine_add(c, 0);
	engine_add(c, 1);
	submit(c, "{'targets': [0]}");
	submit(c, "{'targets': [0]}");
	settle(c);
	buf_clear(&fake.sent);
	submit_map(c, 4, "{}");
	assert_sent(c, "send 3.0 to 1, send 3.1 to 0, send 3.2 to 1, "
		       "send 3.3 to 0");
}

static void test_a_task_for_each_slot(void **state)
{
	struct controller *c = *state;
	struct result *r;

	c->config.hwm = 1;
	engine_add(c, 0)->slots = 3;
	engine_add(c, 1);
	r = submit_map(c, 5, "{}");
	settle(c);
	assert_tasks(r, "rrrrp");
	assert_int_equal(engine_find(c, 0)->load, 3);
	ends(r, 1, EVENT_SUCCEED);
	assert_tasks(r, "rorrr");
	/* One more may wait there. */
	c->config.hwm = 2;
	r = submit_map(c, 3, "{}");
	settle(c);
	assert_tasks(r, "rrp");
	assert_int_equal(engine_find(c, 0)->load, 4);
	assert_int_equal(engine_free_slots(engine_find(c, 0)), 0);
}

/* Each chooses one of those that there are, however they are loaded. */
static void test_policies_choose_one(void **state)
{
	static const char *const schemes[] = {"leastload", "lru", "plainrandom",
					      "twobin", "weighted"};
	struct engine of[5] = {0}, *e[5];
	size_t i, n, k;

	(void)state;
	assert_null(policy_find("roundrobin"));
	for (i = 0; i < ARRAY_SIZE(of); i++) {
		of[i].cpus = i == 3 ? 0 : (unsigned)i + 1;
		of[i].slots = 1;
		e[i] = &of[i];
	}
	for (i = 0; i < ARRAY_SIZE(schemes); i++) {
		const struct policy *p = policy_find(schemes[i]);

		assert_string_equal(policy_name(p), schemes[i]);
		for (n = 1; n <= ARRAY_SIZE(of); n++)
			for (k = 0; k < 50; k++)
				assert_true(p->pick(e, n) < n);
	}
	assert_int_equal(policy_find("leastload")->pick(e, 5), 3);
	assert_int_equal(policy_find("leastload")->pick(e, 3), 0);
	/* Three tasks on four slots are less than one on one. */
	of[2].slots = 4;
	assert_int_equal(policy_find("leastload")->pick(e, 3), 2);
	assert_int_equal(policy_find("lru")->pick(e, 5), 0);
}

/* --- time ------------------------------------------------------------------- */

static void test_timeout_while_it_waits(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'timeout': 3600}");
	struct result *after = submit(c, "{'timeout': 3600, 'after': ['1:any']}");

	settle(c);
	fire(c, &after->timeout_timer);
	assert_tasks(after, "e");
	assert_true(after->task[0].timed_out);
	assert_error(after, "TaskTimeout: it did not begin within the option "
			    "timeout; it waited for after 1");
	fire(c, &r->timeout_timer);
	assert_tasks(r, "e");
	assert_false(timer_is_set(&r->timeout_timer));
	assert_sent(c, "");
}

/* It says when it has to begin: what runs is not ended, and not tried again. */
static void test_timeout_of_what_runs(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 3, "{'timeout': 3600, 'retries': 1}");

	c->config.hwm = 1;
	engine_add(c, 0);
	settle(c);
	fire(c, &r->timeout_timer);
	assert_tasks(r, "ree");
	ends(r, 0, EVENT_SUCCEED);
	assert_tasks(r, "oee");
	assert_int_equal(result_state(r), STATE_ERROR);
}

/* How long it may wait is counted anew for the next try. */
static void test_timeout_of_the_next_try(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'timeout': 3600, 'retries': 1}");
	struct engine *e = engine_add(c, 0);

	settle(c);
	fire(c, &r->timeout_timer);
	assert_tasks(r, "r");
	e->draining = true;
	ends(r, 0, EVENT_FAIL);
	assert_tasks(r, "p");
	fire(c, &r->timeout_timer);
	assert_tasks(r, "e");
	assert_int_equal(r->task[0].attempt, 1);
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_queues),
	CONTROLLER_TEST(test_by_priority_then_by_id),
	CONTROLLER_TEST(test_a_retry_takes_its_old_place),
	CONTROLLER_TEST(test_a_map_goes_first),
	CONTROLLER_TEST(test_an_engine_has_so_many),
	CONTROLLER_TEST(test_max_running),
	CONTROLLER_TEST(test_halt),
	CONTROLLER_TEST(test_halt_and_retries),
	CONTROLLER_TEST(test_engines_that_take_none),
	CONTROLLER_TEST(test_no_engine),
	CONTROLLER_TEST(test_targets),
	CONTROLLER_TEST(test_an_engine_that_is_not_ready),
	CONTROLLER_TEST(test_a_target_that_is_expected),
	CONTROLLER_TEST(test_a_view),
	CONTROLLER_TEST(test_engines_without_a_shell),
	CONTROLLER_TEST(test_least_load),
	CONTROLLER_TEST(test_least_recently_used),
	CONTROLLER_TEST(test_a_task_for_each_slot),
	CONTROLLER_TEST(test_policies_choose_one),
	CONTROLLER_TEST(test_timeout_while_it_waits),
	CONTROLLER_TEST(test_timeout_of_what_runs),
	CONTROLLER_TEST(test_timeout_of_the_next_try),
};

UNIT_MAIN(tests)
