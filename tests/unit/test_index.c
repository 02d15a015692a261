#include "tests/unit/unit.h"
#include "base/index.h"

static int thing[1000];

static void test_order(void **state)
{
	struct index ix = {0};

	(void)state;
	assert_null(index_get(&ix, 1));
	assert_null(index_next(&ix, 0));
	assert_null(index_last(&ix));
	index_put(&ix, 5, &thing[5]);
	index_put(&ix, 9, &thing[9]);
	index_put(&ix, 7, &thing[7]);
	index_put(&ix, 0, &thing[0]);
	assert_int_equal(index_count(&ix), 4);
	assert_ptr_equal(index_get(&ix, 7), &thing[7]);
	assert_null(index_get(&ix, 6));
	assert_ptr_equal(index_next(&ix, 0), &thing[0]);
	assert_ptr_equal(index_next(&ix, 1), &thing[5]);
	assert_ptr_equal(index_next(&ix, 8), &thing[9]);
	assert_null(index_next(&ix, 10));
	assert_ptr_equal(index_last(&ix), &thing[9]);
	index_done(&ix);
}

static void test_removed_ones_are_not_seen(void **state)
{
	struct index ix = {0};

	(void)state;
	index_put(&ix, 1, &thing[1]);
	index_put(&ix, 2, &thing[2]);
	index_put(&ix, 3, &thing[3]);
	assert_ptr_equal(index_remove(&ix, 3), &thing[3]);
	assert_null(index_remove(&ix, 3));
	assert_null(index_remove(&ix, 4));
	assert_ptr_equal(index_last(&ix), &thing[2]);
	index_remove(&ix, 1);
	assert_ptr_equal(index_next(&ix, 0), &thing[2]);
	index_put(&ix, 1, &thing[10]);
	assert_ptr_equal(index_get(&ix, 1), &thing[10]);
	assert_int_equal(index_count(&ix), 2);
	index_done(&ix);
}

static void test_many_come_and_go(void **state)
{
	struct index ix = {0};
	uint64_t i, n = 0;
	int *p;

	(void)state;
	for (i = 0; i < 1000; i++)
		index_put(&ix, i * 3, &thing[i]);
	for (i = 0; i < 1000; i++)
		if (i % 5)
			assert_ptr_equal(index_remove(&ix, i * 3), &thing[i]);
	assert_int_equal(index_count(&ix), 200);
	for (i = 0; (p = index_next(&ix, i)); n++) {
		uint64_t k = (uint64_t)(p - thing);

		assert_int_equal(k % 5, 0);
		i = k * 3 + 1;
	}
	assert_int_equal(n, 200);
	index_done(&ix);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_order),
	cmocka_unit_test(test_removed_ones_are_not_seen),
	cmocka_unit_test(test_many_come_and_go),
};

UNIT_MAIN(tests)
