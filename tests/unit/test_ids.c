#include "tests/unit/unit.h"
#include "base/map.h"
#include "wire/ids.h"

static void test_ids_have_their_form_and_differ(void **state)
{
	struct map seen = {0};
	char id[ID_SIZE];
	int i, k;

	(void)state;
	for (i = 0; i < 1000; i++) {
		id_new(id);
		assert_int_equal(strlen(id), 33);
		assert_int_equal(id[8], '-');
		for (k = 0; k < 33; k++)
			assert_true(k == 8 || strchr("0123456789abcdef", id[k]));
		assert_null(map_put(&seen, bytes_str(id), &seen));
	}
	map_done(&seen);
}

static void test_format(void **state)
{
	static const struct {
		int64_t usec;
		const char *text;
	} row[] = {
		{0, "1970-01-01T00:00:00.000000Z"},
		{1, "1970-01-01T00:00:00.000001Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
		{951782400000000, "2000-02-29T00:00:00.000000Z"},
		{1795311223349713, "2026-11-22T01:33:43.349713Z"},
		{4102444799999999, "2099-12-31T23:59:59.999999Z"},
		{1795311223999999, "2026-11-22T01:33:43.999999Z"},
	};
	char date[DATE_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		date_format(row[i].usec, date);
		assert_string_equal(date, row[i].text);
	}
	date_format(INT64_MAX, date);
	date_format(INT64_MIN, date);
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t usec;
	} row[] = {
		{"2026-11-22T01:33:43.349713Z", 1795311223349713},
		{"2026-11-22T01:33:43Z", 1795311223000000},
		{"2026-11-22T01:33:43.3Z", 1795311223300000},
		{"2026-11-22T01:33:43.000001Z", 1795311223000001},
		{"2026-11-22 01:33:43Z", 1795311223000000},
		{"2026-11-22T01:33:43+00:00", 1795311223000000},
		{"2026-11-22T02:33:43+0100", 1795311223000000},
		{"2026-11-22T03:03:43.5+01:30", 1795311223500000},
		{"2026-11-21T20:33:43-05:00", 1795311223000000},
		{"2026-11-22T01:33:43", 1795311223000000}, /* local: TZ=UTC */
		{"1969-12-31T23:59:59.999999Z", -1},
		{"1970-01-01T00:00:00Z", 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		int64_t t = 0;

		if (date_parse(bytes_str(row[i].text), &t))
			fail_msg("%s", row[i].text);
		assert_true(t == row[i].usec);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"", "2026", "2026-11-22", "2026-11-22T01:33",
		"2026-11-22T01:33:43.Z", "2026-11-22T01:33:43.1234567Z",
		"2026-13-22T01:33:43Z", "2026-00-22T01:33:43Z",
		"2026-11-00T01:33:43Z", "2026-11-32T01:33:43Z",
		"2026-11-22T24:33:43Z", "2026-11-22T01:60:43Z",
		"2026-11-22T01:33:61Z", "2026-11-22T01:33:43z",
		"2026-11-22T01:33:43 Z", "2026-11-22T01:33:43+1",
		"2026-11-22T01:33:43+01:60", "2026-11-22T01:33:43+24:00",
		"2026-11-22T01:33:43+01:00x", "-026-11-22T01:33:43Z",
		"2026/11/22T01:33:43Z", "2026-11-22T01:33:43Zx",
		"2026-02-30T01:33:43Z", "2025-02-29T01:33:43Z",
		"2026-11-31T01:33:43Z",
		"2026-11-22T01:33:43.9999999999999999999999999999999Z",
	};
	int64_t t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (date_parse(bytes_str(bad[i]), &t) != -EINVAL)
			fail_msg("'%s' passed", bad[i]);
	assert_int_equal(date_parse(bytes_of(NULL, 0), &t), -EINVAL);
}

/* Cut anywhere, a date is another date or is refused; never read over. */
static void test_every_prefix(void **state)
{
	const char *text = "2026-11-22T01:33:43.349713+01:00";
	size_t n;

	(void)state;
	for (n = 0; n <= strlen(text); n++) {
		char *exact = xmemdup(text, n);
		int64_t t;
		int err = date_parse(bytes_of(exact, n), &t);
		bool whole = n == 19 || (n >= 21 && n <= 26) || n == 32;

		/* "+01" and "+01:" are not offsets. */
		assert_int_equal(err, whole ? 0 : -EINVAL);
		free(exact);
	}
}

static void test_there_and_back(void **state)
{
	int64_t t, back, step = 86400000000LL * 97 + 3600000000LL + 61000001;
	char date[DATE_SIZE];

	(void)state;
	for (t = -2000000000000000; t < 6000000000000000; t += step) {
		date_format(t, date);
		assert_int_equal(date_parse(bytes_str(date), &back), 0);
		assert_true(t == back);
	}
}

#define CLUSTER "0123abcd-0123456789abcdef01234567"

static void test_the_id_of_a_task(void **state)
{
	static const char *const wrong[] = {
		"", CLUSTER, CLUSTER "_7_3", CLUSTER "_7_3_", CLUSTER "_7_3_1_",
		CLUSTER "_7_3_1_1", CLUSTER "_07_3_1", CLUSTER "_7_3_+1",
		CLUSTER "_7__1", CLUSTER "7_3_1", CLUSTER "_7_4294967296_1",
		CLUSTER "_18446744073709551616_3_1",
		"1123abcd-0123456789abcdef01234567_7_3_1",
	};
	const struct task_id most = {UINT64_MAX, UINT32_MAX, UINT_MAX};
	struct task_id t = {7, 3, 1};
	char text[TASK_ID_SIZE];
	size_t i;

	(void)state;
	task_id_format(CLUSTER, &t, text);
	assert_string_equal(text, CLUSTER "_7_3_1");
	task_id_format(CLUSTER, &most, text);
	assert_int_equal(task_id_parse(bytes_str(text), CLUSTER, &t), 0);
	assert_memory_equal(&t, &most, sizeof(t));
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(task_id_parse(bytes_str(wrong[i]), CLUSTER,
					       &t), -EINVAL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_ids_have_their_form_and_differ),
	cmocka_unit_test(test_format),
	cmocka_unit_test(test_parse),
	cmocka_unit_test(test_parse_refuses),
	cmocka_unit_test(test_every_prefix),
	cmocka_unit_test(test_there_and_back),
	cmocka_unit_test(test_the_id_of_a_task),
};

int main(void)
{
	unit_begin();
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
