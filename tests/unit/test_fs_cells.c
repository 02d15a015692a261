#include "tests/unit/unit.h"
#include "fs/results/cells.h"
#include "wire/limits.h"

static void expect(enum cell_kind kind, int64_t n, const char *word,
		   const char *want)
{
	const struct table_cell c = {kind, n, word};
	struct buf out = BUF_INIT;

	cells_put(&c, 1, &out);
	assert_text(buf_bytes(&out), want);
	assert_int_equal(cells_size(&c, 1), out.n);
	buf_done(&out);
}

static void test_every_kind(void **state)
{
	(void)state;
	expect(CELL_NUMBER, 0, NULL, "0\t");
	expect(CELL_NUMBER, 10, NULL, "10\t");
	expect(CELL_NUMBER, INT64_MAX, NULL, "9223372036854775807\t");
	expect(CELL_SECONDS, 0, NULL, "0.000000\t");
	expect(CELL_SECONDS, 12000345, NULL, "12.000345\t");
	expect(CELL_USAGE, 1005, NULL, "1.005\t");
	expect(CELL_USAGE, 99, NULL, "0.099\t");
	expect(CELL_TIME, 1795397623349713, NULL,
	       "2026-11-23T01:33:43.349713Z\t");
	expect(CELL_TIME, LIMIT_TIME, NULL, "5138-11-16T09:46:40.000000Z\t");
	expect(CELL_WORD, 0, "ok", "ok\t");
}

static void test_what_is_not_known(void **state)
{
	(void)state;
	expect(CELL_NONE, 5, "ok", "-\t");
	expect(CELL_NUMBER, -1, NULL, "-\t");
	expect(CELL_SECONDS, -1, NULL, "-\t");
	expect(CELL_USAGE, INT64_MIN, NULL, "-\t");
	expect(CELL_TIME, 0, NULL, "-\t");
	expect(CELL_TIME, LIMIT_TIME + 1, NULL, "-\t");
	expect(CELL_WORD, 0, NULL, "-\t");
	expect(CELL_WORD, 0, "", "-\t");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_every_kind),
	cmocka_unit_test(test_what_is_not_known),
};

UNIT_MAIN(tests)
