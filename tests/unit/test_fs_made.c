#include "tests/unit/unit.h"
#include "fs/tasks/made.h"

static void expect(const struct made *m, const char *want)
{
	struct buf out = BUF_INIT;

	made_put(m, &out);
	assert_text(buf_bytes(&out), want);
	buf_done(&out);
}

static void test_in_few_words(void **state)
{
	struct made m = {0};
	uint64_t i;

	(void)state;
	expect(&m, "");
	made_note(&m, 1, 7);
	expect(&m, "; object 1 is result 7");
	for (i = 2; i <= 5; i++)
		made_note(&m, i, i + 6);
	expect(&m, "; objects 1 to 5 are results 7 to 11");
	made_note(&m, 7, 12);
	expect(&m, "; objects 1 to 5 are results 7 to 11, object 7 is result 12");
	made_note(&m, 8, 20);
	made_note(&m, 9, 30);
	made_note(&m, 10, 31);
	expect(&m, "; objects 1 to 5 are results 7 to 11, object 7 is result 12, "
		   "object 8 is result 20, objects 9 to 10 are results 30 to 31");
	made_note(&m, 11, 40);
	made_note(&m, 12, 41);
	expect(&m, "; objects 1 to 5 are results 7 to 11, object 7 is result 12, "
		   "object 8 is result 20, objects 9 to 10 are results 30 to 31 "
		   "...; the last is result 41");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_in_few_words),
};

UNIT_MAIN(tests)
