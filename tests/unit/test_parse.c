#include "tests/unit/unit.h"
#include "base/parse.h"

#include <signal.h>

#define UNTOUCHED 4711

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		int err;
		uint64_t n;
	} row[] = {
		{"0", 0, 9, 0, 0},
		{"9", 0, 9, 0, 9},
		{"007", 0, 9, 0, 7},
		{"10", 0, 9, -ERANGE, UNTOUCHED},
		{"1", 2, 9, -ERANGE, UNTOUCHED},
		{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", 0, UINT64_MAX, -ERANGE, UNTOUCHED},
		{"99999999999999999999999999", 0, UINT64_MAX, -ERANGE,
		 UNTOUCHED},
		{"99999999999999999999999999x", 0, UINT64_MAX, -EINVAL,
		 UNTOUCHED},
		{"", 0, 9, -EINVAL, UNTOUCHED},
		{" 1", 0, 9, -EINVAL, UNTOUCHED},
		{"1 ", 0, 9, -EINVAL, UNTOUCHED},
		{"1\n", 0, 9, -EINVAL, UNTOUCHED},
		{"+1", 0, 9, -EINVAL, UNTOUCHED},
		{"-1", 0, 9, -EINVAL, UNTOUCHED},
		{"0x1", 0, 9, -EINVAL, UNTOUCHED},
		{"1.0", 0, 9, -EINVAL, UNTOUCHED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint64_t n = UNTOUCHED;

		assert_int_equal(parse_u64(bytes_str(row[i].text), row[i].min,
					   row[i].max, &n),
				 row[i].err);
		assert_true(n == row[i].n);
	}
}

static void test_u64_is_counted(void **state)
{
	uint64_t n;

	(void)state;
	assert_int_equal(parse_u64(bytes_of("123456", 3), 0, 1000, &n), 0);
	assert_int_equal(n, 123);
	assert_int_equal(parse_u64(bytes_of("1\0002", 3), 0, 1000, &n),
			 -EINVAL);
}

static void test_i64(void **state)
{
	static const struct {
		const char *text;
		int err;
		int64_t n;
	} row[] = {
		{"-0", 0, 0},
		{"-1", 0, -1},
		{"9223372036854775807", 0, INT64_MAX},
		{"9223372036854775808", -ERANGE, UNTOUCHED},
		{"-9223372036854775808", 0, INT64_MIN},
		{"-9223372036854775809", -ERANGE, UNTOUCHED},
		{"-", -EINVAL, UNTOUCHED},
		{"--1", -EINVAL, UNTOUCHED},
		{"- 1", -EINVAL, UNTOUCHED},
		{"", -EINVAL, UNTOUCHED},
	};
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		n = UNTOUCHED;
		assert_int_equal(parse_i64(bytes_str(row[i].text), INT64_MIN,
					   INT64_MAX, &n),
				 row[i].err);
		assert_true(n == row[i].n);
	}
	assert_int_equal(parse_i64(bytes_str("-6"), -5, 5, &n), -ERANGE);
	assert_int_equal(parse_i64(bytes_str("-5"), -5, 5, &n), 0);
	assert_int_equal(n, -5);
}

static void test_double(void **state)
{
	static const char *const bad[] = {
		"", ".", "e", "1e", "1.2.3", "nan", "inf", "0x1p3", " 1", "1 ",
		"1,5", "--1", "1e5x", "infinity", "-",
	};
	double x = 0;
	char text[100];
	size_t i;

	(void)state;
	assert_int_equal(parse_double(bytes_str("2.5e3"), 0, 1e9, &x), 0);
	assert_true(x == 2500);
	assert_int_equal(parse_double(bytes_str("-0.5"), -1, 1, &x), 0);
	assert_true(x == -0.5);
	assert_int_equal(parse_double(bytes_str("1e999"), 0, 1e308, &x),
			 -ERANGE);
	assert_int_equal(parse_double(bytes_str("1.01"), 0, 1, &x), -ERANGE);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_double(bytes_str(bad[i]), -1e9, 1e9, &x),
				 -EINVAL);
	memset(text, '1', sizeof(text));
	assert_int_equal(parse_double(bytes_of(text, sizeof(text)), 0, 1e300,
				      &x),
			 -EINVAL);
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t usec;
	} row[] = {
		{"90", 0, 90000000},
		{"1.5", 0, 1500000},
		{"250ms", 0, 250000},
		{"7us", 0, 7},
		{"2m", 0, 120000000},
		{"2min", 0, 120000000},
		{"1h", 0, 3600000000},
		{"1d", 0, 86400000000},
		{"0", 0, 0},
		{"0.0000004", 0, 0},
		{"366d", -ERANGE, UNTOUCHED},
		{"1e99", -ERANGE, UNTOUCHED},
		{"-1", -ERANGE, UNTOUCHED},
		{"", -EINVAL, UNTOUCHED},
		{"s", -EINVAL, UNTOUCHED},
		{"1 s", -EINVAL, UNTOUCHED},
		{"1w", -EINVAL, UNTOUCHED},
		{"1ss", -EINVAL, UNTOUCHED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint64_t n = UNTOUCHED;

		assert_int_equal(parse_duration(bytes_str(row[i].text),
						365 * 86400 * USEC_PER_SEC, &n),
				 row[i].err);
		assert_true(n == row[i].usec);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t n;
	} row[] = {
		{"4096", 0, 4096},
		{"0K", 0, 0},
		{"1K", 0, 1024},
		{"3M", 0, 3 << 20},
		{"2G", 0, 2ULL << 30},
		{"1T", 0, 1ULL << 40},
		{"2T", -ERANGE, UNTOUCHED},
		{"99999999999999T", -ERANGE, UNTOUCHED},
		{"K", -EINVAL, UNTOUCHED},
		{"1k", -EINVAL, UNTOUCHED},
		{"1KB", -EINVAL, UNTOUCHED},
		{"1.5K", -EINVAL, UNTOUCHED},
		{"-1K", -EINVAL, UNTOUCHED},
		{"", -EINVAL, UNTOUCHED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint64_t n = UNTOUCHED;

		assert_int_equal(parse_size(bytes_str(row[i].text),
					    1ULL << 40, &n),
				 row[i].err);
		assert_true(n == row[i].n);
	}
}

static void test_bool(void **state)
{
	static const char *const yes[] = {"1", "yes", "True", "on", "YES"};
	static const char *const no[] = {"0", "no", "False", "off", "NO"};
	static const char *const bad[] = {"", "2", "y", "true ", "tru"};
	size_t i;
	bool b;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(yes); i++) {
		b = false;
		assert_int_equal(parse_bool(bytes_str(yes[i]), &b), 0);
		assert_true(b);
		assert_int_equal(parse_bool(bytes_str(no[i]), &b), 0);
		assert_false(b);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_bool(bytes_str(bad[i]), &b), -EINVAL);
}

static void test_signal(void **state)
{
	static const char *const bad[] = {"", "SIG", "term", "0", "65", "-1",
					  "TERM ", "SIGSIGTERM", "9x"};
	size_t i;
	int s;

	(void)state;
	assert_int_equal(parse_signal(bytes_str("TERM"), &s), 0);
	assert_int_equal(s, SIGTERM);
	assert_int_equal(parse_signal(bytes_str("SIGKILL"), &s), 0);
	assert_int_equal(s, SIGKILL);
	assert_int_equal(parse_signal(bytes_str("10"), &s), 0);
	assert_int_equal(s, 10);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_signal(bytes_str(bad[i]), &s), -EINVAL);
}

/* Every code point, every surrogate, overlong forms and cut ones. */
static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void test_utf8_every_character(void **state)
{
	uint32_t c;
	char e[4];

	(void)state;
	for (c = 0; c < 0x120000; c++) {
		bool good = c < 0xd800 || (c >= 0xe000 && c < 0x110000);
		size_t n = encode(c, e), k;

		if (utf8_char(e, n) != (good ? n : 0))
			fail_msg("U+%04X", c);
		for (k = 1; k < n; k++)
			if (utf8_char(e, k) != 0)
				fail_msg("U+%04X cut to %zu bytes", c, k);
	}
}

static void test_utf8_refuses(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
		"\xf5\x80\x80\x80", "\xff", "\xc3\x28", "\xe2\x28\xa1",
		"ok then \xc3",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(utf8_valid(bytes_str(bad[i])));
	assert_true(utf8_valid(bytes_of(NULL, 0)));
	assert_true(utf8_valid(bytes_of("a\0b", 3)));
	assert_true(utf8_valid(bytes_str("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xa7")));
}

static void test_trim_word_line(void **state)
{
	struct bytes t, line;

	(void)state;
	assert_text(parse_trim(bytes_str(" \t\r\n a b \n")), "a b");
	assert_int_equal(parse_trim(bytes_str(" \n ")).n, 0);
	assert_int_equal(parse_trim(bytes_of(NULL, 0)).n, 0);

	t = bytes_str("  signal\t TERM  ");
	assert_text(parse_word(&t), "signal");
	assert_text(parse_word(&t), "TERM");
	assert_text(parse_word(&t), "");
	assert_text(parse_word(&t), "");

	t = bytes_str("one\n\nlast");
	assert_true(parse_line(&t, &line));
	assert_text(line, "one");
	assert_true(parse_line(&t, &line));
	assert_text(line, "");
	assert_true(parse_line(&t, &line));
	assert_text(line, "last");
	assert_false(parse_line(&t, &line));
}

static void test_utf8_whole(void **state)
{
	static const struct {
		const char *text;
		size_t whole;
	} rows[] = {
		{"", 0},
		{"abc", 3},
		{"a\xc3", 1},
		{"a\xc3\xa9", 3},
		{"a\xe2\x82", 1},
		{"a\xe2\x82\xac", 4},
		{"\xf0\x9f\x98", 0},
		{"\xf0\x9f\x98\x80", 4},
		{"\xf0\x9f\x98\x80\xf0", 4},
		/* What can never become a character does not wait. */
		{"a\xff", 2},
		{"a\x80\x80\x80\x80", 5},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(utf8_whole(bytes_str(rows[i].text)),
				 rows[i].whole);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_u64),
	cmocka_unit_test(test_u64_is_counted),
	cmocka_unit_test(test_i64),
	cmocka_unit_test(test_double),
	cmocka_unit_test(test_duration),
	cmocka_unit_test(test_size),
	cmocka_unit_test(test_bool),
	cmocka_unit_test(test_signal),
	cmocka_unit_test(test_utf8_every_character),
	cmocka_unit_test(test_utf8_refuses),
	cmocka_unit_test(test_trim_word_line),
	cmocka_unit_test(test_utf8_whole),
};

UNIT_MAIN(tests)
