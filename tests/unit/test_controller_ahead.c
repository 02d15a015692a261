/* Which tasks are at an engine before it is free for them, and what becomes of those. */
#include "tests/unit/fake_controller.h"

#include "schedule/ahead.h"
#include "steer/setting.h"
#include "steer/steer.h"

#define SHORT 1000 /* usec */

/* An engine that takes tasks ahead, where they took so long of late. */
static struct engine *engine_with_pace(struct controller *c, int64_t id,
				       int64_t pace)
{
	struct engine *e = engine_add(c, id);

	c->config.hwm = 1;
	e->takes_ahead = true;
	if (pace)
		ahead_note(e, pace);
	return e;
}

static void submit_all(struct controller *c, unsigned n)
{
	while (n--)
		submit(c, "{}");
	settle(c);
}

static struct result *nth(struct controller *c, uint64_t id)
{
	struct result *r = result_find(c, id);

	assert_non_null(r);
	return r;
}

static void test_they_wait_at_an_engine_and_are_pending(void **state)
{
	struct controller *c = *state;
	struct engine *e = engine_with_pace(c, 0, SHORT);

	submit_all(c, 3);
	assert_sent(c, "send 1.0 to 0, send 2.0 to 0, send 3.0 to 0");
	assert_tasks(nth(c, 1), "r");
	assert_tasks(nth(c, 2), "p");
	assert_int_equal(e->load, 3);
	ends(nth(c, 1), 0, EVENT_SUCCEED);
	assert_tasks(nth(c, 2), "r");
	assert_tasks(nth(c, 3), "p");
	ends(nth(c, 2), 0, EVENT_SUCCEED);
	ends(nth(c, 3), 0, EVENT_SUCCEED);
	assert_tasks(nth(c, 3), "o");
	assert_int_equal(e->nahead, 0);
	assert_sent(c, "");
}

/* What an engine says shows that it has begun one. */
static void test_its_own_end_shows_that_it_began(void **state)
{
	struct controller *c = *state;

	engine_with_pace(c, 0, SHORT);
	submit_all(c, 2);
	ends(nth(c, 2), 0, EVENT_SUCCEED);
	assert_tasks(nth(c, 1), "r");
	assert_tasks(nth(c, 2), "o");
	assert_int_equal(nth(c, 2)->task[0].attempt, 1);
}

/* What waits is no more than a moment's work. */
static void test_as_many_as_fill_a_moment(void **state)
{
	static const struct {
		int64_t pace;
		unsigned ahead;
	} cases[] = {
		{0, 0},		/* nobody knows yet */
		{1, 16},
		{SHORT, 16},
		{10 * SHORT, 4},
		{30 * SHORT, 1},
		{50 * SHORT, 0},
		{3600 * (int64_t)USEC_PER_SEC, 0},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct controller *c = *state;
		struct engine *e = engine_with_pace(c, 0, cases[i].pace);

		submit_all(c, 40);
		assert_int_equal(e->nahead, cases[i].ahead);
		fake_teardown(state);
		fake_setup(state);
	}
}

/* Long ones are forgotten when short ones come. */
static void test_how_long_they_take_is_learned_again(void **state)
{
	struct controller *c = *state;
	struct engine *e = engine_with_pace(c, 0, SHORT);
	int i;

	ahead_note_long(e);
	assert_false(ahead_has_room(e));
	for (i = 0; i < 10; i++)
		ahead_note(e, SHORT);
	assert_true(ahead_has_room(e));
}

static void test_not_where_somebody_says_how_many_wait(void **state)
{
	struct controller *c = *state;

	engine_with_pace(c, 0, SHORT);
	c->config.hwm = 2;
	submit_all(c, 4);
	assert_sent(c, "send 1.0 to 0, send 2.0 to 0");
	assert_tasks(nth(c, 2), "r");
}

static void test_not_to_an_engine_that_does_not_give_back(void **state)
{
	struct controller *c = *state;

	engine_with_pace(c, 0, SHORT)->takes_ahead = false;
	submit_all(c, 2);
	assert_sent(c, "send 1.0 to 0");
}

/* Nothing passes one that has to wait until an engine is free. */
static void test_who_cannot_go_ahead_is_not_passed(void **state)
{
	static const char *const options[] = {
		"{'targets': [0]}", "{'timeout': 3600}", "{'cpus': 2}",
		"{'resources': {'gpu': 1}}",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		struct controller *c = *state;

		engine_with_pace(c, 0, SHORT);
		submit(c, "{}");
		submit(c, options[i]);
		submit_all(c, 2);
		assert_sent(c, "send 1.0 to 0");
		fake_teardown(state);
		fake_setup(state);
	}
}

static void test_not_of_a_map_that_counts_what_runs(void **state)
{
	static const char *const options[] = {"{'max_running': 2}", "{'halt': 1}"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		struct controller *c = *state;

		engine_with_pace(c, 0, SHORT);
		submit_map(c, 4, options[i]);
		assert_sent(c, "send 1.0 to 0");
		fake_teardown(state);
		fake_setup(state);
	}
}

/* --- it comes back --------------------------------------------------------- */

static void come_back(struct result *r, uint32_t index)
{
	struct run *run = run_at(r, index);

	assert_non_null(run);
	run_put_back(r, run);
	settle(r->c);
}

static void test_what_comes_back_runs_elsewhere(void **state)
{
	struct controller *c = *state;
	struct engine *e = engine_with_pace(c, 0, SHORT);

	submit_all(c, 3);
	assert_sent(c, "send 1.0 to 0, send 2.0 to 0, send 3.0 to 0");
	ahead_note_long(e);
	come_back(nth(c, 2), 0);
	come_back(nth(c, 3), 0);
	assert_tasks(nth(c, 2), "p");
	assert_sent(c, "");
	engine_add(c, 1);
	assert_sent(c, "send 2.0 to 1");
	assert_tasks(nth(c, 2), "r");
	ends(nth(c, 2), 0, EVENT_SUCCEED);
	assert_sent(c, "send 3.0 to 1");
	ends(nth(c, 3), 0, EVENT_SUCCEED);
	/* That was no try. */
	assert_int_equal(nth(c, 3)->task[0].attempt, 1);
}

static void test_hold_calls_it_back(void **state)
{
	struct controller *c = *state;

	engine_with_pace(c, 0, SHORT);
	submit_all(c, 3);
	assert_sent(c, "send 1.0 to 0, send 2.0 to 0, send 3.0 to 0");
	assert_int_equal(result_hold(nth(c, 2), true, fake_done, NULL), 0);
	assert_sent(c, "recall 2.0");
	come_back(nth(c, 2), 0);
	ends(nth(c, 1), 0, EVENT_SUCCEED);
	assert_tasks(nth(c, 2), "p");
	assert_tasks(nth(c, 3), "r");
	assert_sent(c, "");
	assert_int_equal(result_hold(nth(c, 2), false, fake_done, NULL), 0);
	assert_sent(c, "send 2.0 to 0");
}

static void test_hold_of_one_task_calls_it_back(void **state)
{
	struct controller *c = *state;
	struct result *r;

	engine_with_pace(c, 0, SHORT);
	r = submit_map(c, 3, "{}");
	assert_sent(c, "send 1.0 to 0, send 1.1 to 0, send 1.2 to 0");
	assert_int_equal(task_hold(r, 1, true, fake_done, NULL), 0);
	assert_sent(c, "recall 1.1");
	come_back(r, 1);
	ends(r, 0, EVENT_SUCCEED);
	assert_tasks(r, "opr");
}

/* One that is not sent yet need not be called back. */
static void test_hold_while_it_is_being_stored(void **state)
{
	struct controller *c = *state;

	engine_with_pace(c, 0, SHORT);
	submit(c, "{}");
	submit(c, "{}");
	place(c);
	assert_int_equal(result_hold(nth(c, 2), true, fake_done, NULL), 0);
	assert_sent(c, "send 1.0 to 0");
	assert_tasks(nth(c, 2), "p");
}

static void test_what_is_worth_more_goes_first(void **state)
{
	struct controller *c = *state;

	engine_with_pace(c, 0, SHORT);
	submit_all(c, 3);
	assert_sent(c, "send 1.0 to 0, send 2.0 to 0, send 3.0 to 0");
	submit(c, "{'priority': 1}");
	/* It does not go ahead itself. */
	assert_sent(c, "recall 2.0, recall 3.0");
	/* They are asked for once. */
	submit(c, "{'priority': 1}");
	assert_sent(c, "");
	come_back(nth(c, 2), 0);
	come_back(nth(c, 3), 0);
	/* Nothing goes ahead of what is worth more, or less. */
	assert_sent(c, "");
	ends(nth(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "send 4.0 to 0");
	ends(nth(c, 4), 0, EVENT_SUCCEED);
	assert_sent(c, "send 5.0 to 0");
	ends(nth(c, 5), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 0, send 3.0 to 0");
}

static void test_an_abort_is_told_to_the_engine(void **state)
{
	struct controller *c = *state;

	engine_with_pace(c, 0, SHORT);
	submit_all(c, 2);
	assert_sent(c, "send 1.0 to 0, send 2.0 to 0");
	assert_int_equal(result_abort(nth(c, 2)), 0);
	assert_sent(c, "abort 2.0");
	come_back(nth(c, 2), 0);
	assert_tasks(nth(c, 2), "a");
	assert_int_equal(nth(c, 2)->task[0].started, 0);
}

/* It has not begun. */
static void test_it_gets_no_signal(void **state)
{
	struct controller *c = *state;
	struct result *r;

	engine_with_pace(c, 0, SHORT);
	r = submit_map(c, 2, "{}");
	assert_sent(c, "send 1.0 to 0, send 1.1 to 0");
	assert_int_equal(task_signal(r, 1, 15), -EAGAIN);
	assert_int_equal(result_signal(r, 15), 0);
	assert_sent(c, "signal 15 to 1.0");
}

/* --- its engine, or the controller, is gone -------------------------------- */

/* Nobody knows what it has begun. */
static void test_with_a_lost_engine_it_ends(void **state)
{
	struct controller *c = *state;
	struct engine *e = engine_with_pace(c, 0, SHORT);

	submit_all(c, 2);
	engine_vanish(e);
	settle(c);
	assert_tasks(nth(c, 1), "e");
	assert_error(nth(c, 2), "EngineError: the engine is gone");
}

/* As with any other its start is stored before it is sent. */
static void test_after_a_restart_it_counts_as_begun(void **state)
{
	struct controller *c = *state;
	struct result *r;

	engine_with_pace(c, 0, SHORT);
	submit_all(c, 2);
	assert_tasks(nth(c, 2), "p");
	c = fake_restart(state);
	r = nth(c, 2);
	assert_tasks(r, "r");
	engine_add(c, 1);
	settle(c);
	come_back(r, 0);
	assert_tasks(r, "r");
	assert_int_equal(r->task[0].engine, 1);
	assert_int_equal(r->task[0].attempt, 1);
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_they_wait_at_an_engine_and_are_pending),
	CONTROLLER_TEST(test_its_own_end_shows_that_it_began),
	CONTROLLER_TEST(test_as_many_as_fill_a_moment),
	CONTROLLER_TEST(test_how_long_they_take_is_learned_again),
	CONTROLLER_TEST(test_not_where_somebody_says_how_many_wait),
	CONTROLLER_TEST(test_not_to_an_engine_that_does_not_give_back),
	CONTROLLER_TEST(test_who_cannot_go_ahead_is_not_passed),
	CONTROLLER_TEST(test_not_of_a_map_that_counts_what_runs),
	CONTROLLER_TEST(test_what_comes_back_runs_elsewhere),
	CONTROLLER_TEST(test_hold_calls_it_back),
	CONTROLLER_TEST(test_hold_of_one_task_calls_it_back),
	CONTROLLER_TEST(test_hold_while_it_is_being_stored),
	CONTROLLER_TEST(test_what_is_worth_more_goes_first),
	CONTROLLER_TEST(test_an_abort_is_told_to_the_engine),
	CONTROLLER_TEST(test_it_gets_no_signal),
	CONTROLLER_TEST(test_with_a_lost_engine_it_ends),
	CONTROLLER_TEST(test_after_a_restart_it_counts_as_begun),
};

UNIT_MAIN(tests)
