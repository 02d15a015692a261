/* How long a guard waits before it starts a worker again. */
#include "tests/unit/unit.h"
#include "engine/respawn.h"

static void test_it_grows_and_is_bounded(void **state)
{
	struct respawn r = {0};
	uint64_t pause = respawn_pause(&r, 0), next;
	int i;

	(void)state;
	assert_int_equal(pause, RESPAWN_FIRST);
	for (i = 0; i < 100; i++) {
		next = respawn_pause(&r, RESPAWN_LIVED - 1);
		assert_int_equal(next, min_u64(2 * pause, RESPAWN_LONGEST));
		pause = next;
	}
	assert_int_equal(pause, RESPAWN_LONGEST);
}

static void test_a_long_life(void **state)
{
	struct respawn r = {0};

	(void)state;
	respawn_pause(&r, 0);
	respawn_pause(&r, 0);
	assert_int_equal(respawn_pause(&r, RESPAWN_LIVED), RESPAWN_FIRST);
	assert_int_equal(respawn_pause(&r, 0), 2 * RESPAWN_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_grows_and_is_bounded),
		cmocka_unit_test(test_a_long_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
