#include "unit.h"

#include "store/ops.h"

/* A row for each kind; an operation that nothing was put into holds nothing. */
static void test_every_kind_has_its_row(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < STORE_KINDS; i++) {
		struct store_op *op = store_op_new((enum store_kind)i);
		const struct op_kind *k = op_kind(op);

		assert_non_null(k->run);
		if (k->bytes)
			assert_int_equal(k->bytes(op), 0);
		if (k->once_more)
			k->once_more(op);
		if (k->free)
			k->free(op);
		free(op);
	}
}

/* What is put and not yet stored counts: too much of it stops what comes in. */
static void test_bytes_that_wait(void **state)
{
	struct store_op *op = store_op_new(STORE_TASK);

	(void)state;
	buf_puts(&op->task.row.bytes[STREAM_STDOUT], "12345");
	buf_puts(&op->task.row.bytes[STREAM_DATA], "678");
	assert_int_equal(op_kind(op)->bytes(op), 8);
	op_kind(op)->free(op);
	free(op);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_every_kind_has_its_row),
	cmocka_unit_test(test_bytes_that_wait),
};

UNIT_MAIN(tests)
