#include "tests/unit/unit.h"
#include "wire/moment.h"

#include <stdlib.h>
#include <time.h>

/* 2026-11-29T12:00:00Z is 13:00 in Berlin. */
#define NOW (1795953600LL * (int64_t)USEC_PER_SEC)

static void test_what_it_means(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"+90", "+90"},
		{"+10m\n", "+10m"},
		{"18:30", "2026-11-29T17:30:00Z"},
		{"13:00", "2026-11-29T12:00:00Z"},
		{"12:59:59", "2026-11-30T11:59:59Z"},
		{"2026-12-24", "2026-12-23T23:00:00Z"},
		{"2026-12-24T18:30", "2026-12-24T17:30:00Z"},
		{"2026-07-01T12:00:00", "2026-07-01T10:00:00Z"},
		{"2026-12-24T18:30:05Z", "2026-12-24T18:30:05Z"},
		{"1999-01-01T00:00Z", "1999-01-01T00:00:00Z"},
	};
	static const char *const bad[] = {
		"", "+", "+-1", "+1x", "+1.5h", "25:00", "12:60", "12", "noon",
		"2026-13-01", "2026-12-24 18:30", "2026-12-24T", "18:30x",
		"10000-01-01", "+99999999999999999d", "+1h30m", "2026-12-24T18:30ZZ",
	};
	int64_t at;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		char *got = moment_anywhere(bytes_str(rows[i].text), NOW);

		assert_non_null(got);
		assert_string_equal(got, rows[i].want);
		free(got);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (moment_parse(bytes_str(bad[i]), NOW, &at) == 0)
			fail_msg("%s is taken for a time", bad[i]);
}

static void test_from_now(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} rows[] = {{"+0", 0}, {"+90s", 90}, {"+10m", 600}, {"+2h", 7200},
		    {"+3d", 259200}};
	int64_t at;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(moment_parse(bytes_str(rows[i].text), NOW, &at),
				 0);
		assert_int_equal(at - NOW,
				 rows[i].seconds * (int64_t)USEC_PER_SEC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_means),
		cmocka_unit_test(test_from_now),
	};

	/* The rule itself: a machine may have no files of time zones. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
