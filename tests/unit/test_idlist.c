#include "tests/unit/unit.h"
#include "base/buf.h"
#include "base/idlist.h"

#define MOST 1000
#define LARGEST 4000

static void parses(const char *text, const char *want)
{
	struct idlist l = {0};
	struct buf b = BUF_INIT;
	size_t i;

	assert_int_equal(idlist_parse(&l, bytes_str(text), MOST, LARGEST), 0);
	for (i = 0; i < l.n; i++)
		buf_printf(&b, " %llu", (unsigned long long)l.id[i]);
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
	idlist_done(&l);
}

static void fails(const char *text, int want)
{
	struct idlist l = {0};

	assert_int_equal(idlist_parse(&l, bytes_str(text), MOST, LARGEST),
			 want);
	idlist_done(&l);
}

static void test_keeps_the_order(void **state)
{
	(void)state;
	parses("7", " 7");
	parses("0,2-3", " 0 2 3");
	parses("5,0", " 5 0");
	parses("3-3", " 3");
	parses("8-9,4,0-1", " 8 9 4 0 1");
	parses("0,00002", " 0 2");
}

static void test_refuses_what_is_no_list(void **state)
{
	static const char *const bad[] = {
		"",    ",",   "1,",  ",1",  "1,,2", "-",     "1-",  "-1",
		"a",   "1 2", "1, 2", "3-2", "1-2-3", "+1", "1,1", "1-3,2",
		"0x1", "1.5",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		fails(bad[i], -EINVAL);
}

static void test_has_limits(void **state)
{
	(void)state;
	parses("4000", " 4000");
	fails("4001", -ERANGE);
	fails("0-1000", -ERANGE);
	fails("0-998,1000-1001", -ERANGE);
	fails("0-18446744073709551615", -ERANGE);
	fails("99999999999999999999999", -ERANGE);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_keeps_the_order),
	cmocka_unit_test(test_refuses_what_is_no_list),
	cmocka_unit_test(test_has_limits),
};

UNIT_MAIN(tests)
