#include "tests/unit/unit.h"

static void test_grows_and_keeps_zero_bytes(void **state)
{
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < 100000; i++)
		buf_put(&b, "a\0b", 3);
	assert_int_equal(b.n, 300000);
	for (i = 0; i < b.n; i += 3)
		assert_memory_equal(b.p + i, "a\0b", 3);
	buf_done(&b);
	assert_null(b.p);
	assert_int_equal(b.n, 0);
}

static void test_put_of_nothing(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_put(&b, NULL, 0);
	buf_puts(&b, "");
	assert_int_equal(b.n, 0);
	assert_string_equal(buf_str(&b), "");
	buf_done(&b);
}

static void test_str_does_not_count_its_end(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "ab");
	assert_string_equal(buf_str(&b), "ab");
	assert_int_equal(b.n, 2);
	buf_putc(&b, 'c');
	assert_string_equal(buf_str(&b), "abc");
	buf_done(&b);
}

static void test_printf_short_and_long(void **state)
{
	struct buf b = BUF_INIT;
	char wide[5000];

	(void)state;
	memset(wide, 'x', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	buf_printf(&b, "%d|", 42);
	buf_printf(&b, "%s|%d", wide, 7);
	assert_int_equal(b.n, 3 + 4999 + 2);
	assert_memory_equal(b.p, "42|x", 4);
	assert_string_equal(buf_str(&b) + b.n - 3, "x|7");
	buf_done(&b);
}

/* Every length around what the buffer reserves for a print. */
static void test_printf_at_every_boundary(void **state)
{
	char text[201];
	int n;

	(void)state;
	memset(text, 'y', 200);
	text[200] = '\0';
	for (n = 0; n <= 200; n++) {
		struct buf b = BUF_INIT;

		buf_printf(&b, "%.*s", n, text);
		assert_int_equal(b.n, n);
		assert_int_equal(strlen(buf_str(&b)), n);
		buf_done(&b);
	}
}

static void test_shift_and_cut(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "0123456789");
	buf_shift(&b, 0);
	buf_shift(&b, 3);
	assert_text(buf_bytes(&b), "3456789");
	buf_cut(&b, 4);
	assert_text(buf_bytes(&b), "3456");
	buf_shift(&b, 4);
	assert_int_equal(b.n, 0);
	buf_puts(&b, "again");
	assert_text(buf_bytes(&b), "again");
	buf_clear(&b);
	assert_int_equal(b.n, 0);
	assert_non_null(b.p);
	buf_done(&b);
}

static void test_take_gives_the_memory_away(void **state)
{
	struct buf b = BUF_INIT;
	char *s;

	(void)state;
	buf_puts(&b, "mine");
	s = buf_take(&b);
	assert_string_equal(s, "mine");
	assert_null(b.p);
	free(s);
	s = buf_take(&b); /* of an empty one */
	assert_string_equal(s, "");
	free(s);
}

static void test_escaped(void **state)
{
	static const struct {
		const char *in, *out;
	} row[] = {
		{"plain", "plain"},
		{"a\nb\t", "a\\x0ab\\x09"},
		{"\x1b[31m", "\\x1b[31m"},
		{"h\xc3\xa9", "h\xc3\xa9"},
		{"\xff\xfe", "\\xff\\xfe"},
		{"\xc3", "\\xc3"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
		{"\x7f", "\\x7f"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct buf b = BUF_INIT;

		buf_put_escaped(&b, bytes_str(row[i].in), 100);
		assert_text(buf_bytes(&b), row[i].out);
		buf_done(&b);
	}
}

static void test_escaped_is_limited(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_put_escaped(&b, bytes_str("abcdef"), 6);
	assert_text(buf_bytes(&b), "abcdef");
	buf_clear(&b);
	buf_put_escaped(&b, bytes_str("abcdef"), 3);
	assert_text(buf_bytes(&b), "abc...");
	buf_clear(&b);
	buf_put_escaped(&b, bytes_of("\0", 1), 3);
	assert_text(buf_bytes(&b), "\\x00");
	buf_done(&b);
}

static void test_fields(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out;
	} row[] = {
		{"plain", 5, "plain"},
		{"", 0, ""},
		{"a\tb\nc\rd\\e", 9, "a\\tb\\nc\\rd\\\\e"},
		{"\x1b[\x7f\x01" "2", 5, "\\0033[\\0177\\00012"},
		{"a\0b", 3, "a\\nb"},
		{"h\xc3\xa9\xff", 4, "h\xc3\xa9\xff"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct bytes in = bytes_of(row[i].in, row[i].n);
		struct buf b = BUF_INIT;

		buf_put_field(&b, in);
		assert_text(buf_bytes(&b), row[i].out);
		assert_int_equal(b.n, in.n + field_growth(in));
		buf_done(&b);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_fields),
	cmocka_unit_test(test_grows_and_keeps_zero_bytes),
	cmocka_unit_test(test_put_of_nothing),
	cmocka_unit_test(test_str_does_not_count_its_end),
	cmocka_unit_test(test_printf_short_and_long),
	cmocka_unit_test(test_printf_at_every_boundary),
	cmocka_unit_test(test_shift_and_cut),
	cmocka_unit_test(test_take_gives_the_memory_away),
	cmocka_unit_test(test_escaped),
	cmocka_unit_test(test_escaped_is_limited),
};

UNIT_MAIN(tests)
