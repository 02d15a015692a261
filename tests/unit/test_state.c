#include "tests/unit/unit.h"
#include "wire/state.h"

/* The whole table: state x event, written down a second time. */
static void test_every_transition(void **state)
{
	static const struct {
		enum state from;
		enum state_event e;
		enum state to;
	} legal[] = {
		{STATE_PENDING, EVENT_START, STATE_RUNNING},
		{STATE_PENDING, EVENT_FAIL, STATE_ERROR},
		{STATE_PENDING, EVENT_ABORT, STATE_ABORTED},
		{STATE_PENDING, EVENT_REQUEUE, STATE_PENDING},
		{STATE_RUNNING, EVENT_SUCCEED, STATE_OK},
		{STATE_RUNNING, EVENT_FAIL, STATE_ERROR},
		{STATE_RUNNING, EVENT_ABORT, STATE_ABORTED},
		{STATE_RUNNING, EVENT_REQUEUE, STATE_PENDING},
	};
	int s, e;
	size_t i;

	(void)state;
	for (s = 0; s < STATES; s++) {
		for (e = 0; e < STATE_EVENTS; e++) {
			enum state want = STATE_NONE;

			for (i = 0; i < ARRAY_SIZE(legal); i++)
				if ((int)legal[i].from == s &&
				    (int)legal[i].e == e)
					want = legal[i].to;
			assert_int_equal(state_next((enum state)s,
						    (enum state_event)e),
					 want);
		}
	}
}

static void test_nothing_leaves_a_final_state(void **state)
{
	int s, e;

	(void)state;
	for (s = STATE_OK; s < STATES; s++) {
		assert_true(state_is_final((enum state)s));
		for (e = 0; e < STATE_EVENTS; e++)
			assert_int_equal(state_next((enum state)s,
						    (enum state_event)e),
					 STATE_NONE);
	}
	assert_false(state_is_final(STATE_PENDING));
	assert_false(state_is_final(STATE_RUNNING));
	assert_false(state_is_final(STATE_NONE));
}

static void test_names(void **state)
{
	int s;

	(void)state;
	for (s = STATE_PENDING; s < STATES; s++)
		assert_int_equal(state_parse(state_name((enum state)s)), s);
	assert_int_equal(state_parse("none"), STATE_NONE);
	assert_int_equal(state_parse("OK"), STATE_NONE);
	assert_int_equal(state_parse(""), STATE_NONE);
	assert_int_equal(state_parse(NULL), STATE_NONE);
	assert_string_equal(state_name(STATE_NONE), "none");
}

static void test_results_of_many_tasks(void **state)
{
	static const struct {
		uint64_t pending, running, ok, error, aborted;
		enum state want;
	} row[] = {
		{1, 0, 0, 0, 0, STATE_PENDING}, {9, 0, 0, 0, 0, STATE_PENDING},
		{0, 1, 0, 0, 0, STATE_RUNNING}, {5, 1, 0, 0, 0, STATE_RUNNING},
		{5, 0, 1, 0, 0, STATE_RUNNING}, {5, 0, 0, 1, 0, STATE_RUNNING},
		{1, 0, 0, 0, 1, STATE_RUNNING}, {0, 1, 9, 9, 9, STATE_RUNNING},
		{0, 0, 5, 0, 0, STATE_OK},	{0, 0, 5, 1, 0, STATE_ERROR},
		{0, 0, 5, 0, 1, STATE_ABORTED}, {0, 0, 0, 1, 1, STATE_ERROR},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint64_t count[STATES] = {
			[STATE_PENDING] = row[i].pending,
			[STATE_RUNNING] = row[i].running,
			[STATE_OK] = row[i].ok,
			[STATE_ERROR] = row[i].error,
			[STATE_ABORTED] = row[i].aborted,
		};

		assert_int_equal(state_of(count), row[i].want);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_every_transition),
	cmocka_unit_test(test_nothing_leaves_a_final_state),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_results_of_many_tasks),
};

UNIT_MAIN(tests)
