#include "tests/unit/unit.h"
#include "wire/scan.h"

static void test_what_is_json(void **state)
{
	static const char *const good[] = {
		"{}", "[]", " { } ", "[1,2,3]", "{\"a\":{\"b\":[null,true]}}",
		"\"\\u00e4\\n\\\"\"", "0", "-0", "-1.5e+3", "0.5", "1E5",
		"[[],{},\"\"]", "\t[ 1 , 2 ]\r\n", "\"\xc3\xa4\"",
	};
	static const char *const bad[] = {
		"", " ", "{", "}", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}",
		"{'a':1}", "[1 2]", "01", "-", "+1", ".5", "1.", "1e", "nul",
		"NaN", "Infinity", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\n\"",
		"{}x", "[1]]", "{]", "[}", "tru", "\"\\", "\"\\u12",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(scan_valid(bytes_str(good[i])));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(scan_valid(bytes_str(bad[i])));
	assert_false(scan_valid(bytes_of("[\0]", 3)));
	assert_false(scan_valid(bytes_of(NULL, 0)));
}

/* Every beginning of a good text is bad, and nothing behind it is read. */
static void test_texts_cut_short(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u0041\",null],"
				   "\"b\":{\"c\":true}}";
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(text) - 1; n++) {
		char *copy = xmalloc(n + (n == 0));

		memcpy(copy, text, n);
		assert_false(scan_valid(bytes_of(copy, n)));
		free(copy);
	}
	assert_true(scan_valid(bytes_str(text)));
}

static void test_depth(void **state)
{
	char deep[400];

	(void)state;
	memset(deep, '[', 60);
	memset(deep + 60, ']', 60);
	assert_true(scan_valid(bytes_of(deep, 120)));
	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	assert_false(scan_valid(bytes_of(deep, 400)));
}

static void test_members(void **state)
{
	struct bytes key, value;
	struct scan s;

	(void)state;
	assert_true(scan_object(&s, bytes_str(" { \"a\" : 1 , \"b\":[{}] } ")));
	assert_true(scan_member(&s, &key, &value));
	assert_text(key, "a");
	assert_text(value, "1");
	assert_true(scan_member(&s, &key, &value));
	assert_text(key, "b");
	assert_text(value, "[{}]");
	assert_false(scan_member(&s, &key, &value));
	assert_false(s.bad);
	assert_false(scan_member(&s, &key, &value));
	assert_false(scan_object(&s, bytes_str("[]")));
	assert_false(scan_array(&s, bytes_str("{}")));
	assert_false(scan_array(&s, bytes_of(NULL, 0)));
	assert_true(scan_object(&s, bytes_str("{\"a\":1 \"b\":2}")));
	assert_true(scan_member(&s, &key, &value));
	assert_false(scan_member(&s, &key, &value));
	assert_true(s.bad);
}

static void test_elements(void **state)
{
	struct bytes value;
	struct scan s;
	int n = 0;

	(void)state;
	assert_true(scan_array(&s, bytes_str("[]")));
	assert_false(scan_element(&s, &value));
	assert_true(scan_array(&s, bytes_str("[1,[2,3],{\"a\":4}]")));
	while (scan_element(&s, &value))
		n++;
	assert_int_equal(n, 3);
	assert_false(s.bad);
	assert_true(scan_array(&s, bytes_str("[1,,2]")));
	while (scan_element(&s, &value))
		;
	assert_true(s.bad);
}

static void expect_unescaped(const char *text, const char *want)
{
	char *got = scan_text(bytes_str(text));

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
	free(got);
}

static void test_text(void **state)
{
	(void)state;
	expect_unescaped("\"\"", "");
	expect_unescaped("\"abc\"", "abc");
	expect_unescaped("\"a\\n\\t\\\"\\\\\\/\\b\\f\\rz\"", "a\n\t\"\\/\b\f\rz");
	expect_unescaped("\"\\u0041\\u00e4\\u20ac\"", "A\xc3\xa4\xe2\x82\xac");
	expect_unescaped("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80");
	expect_unescaped("\"\\ud83dx\\ude00\"", "\xef\xbf\xbdx\xef\xbf\xbd");
	expect_unescaped("\"\\ud83d\\u0041\"", "\xef\xbf\xbd" "A");
	expect_unescaped("null", NULL);
	expect_unescaped("5", NULL);
	expect_unescaped("\"", NULL);
}

struct things {
	int64_t n;
	double x;
	bool b;
	char *s;
	struct bytes span;
};

static const struct field fields[] = {
	{"n", FIELD_INT, offsetof(struct things, n), -1},
	{"x", FIELD_REAL, offsetof(struct things, x), 0},
	{"b", FIELD_BOOL, offsetof(struct things, b), 0},
	{"s", FIELD_TEXT, offsetof(struct things, s), 0},
	{"span", FIELD_SPAN, offsetof(struct things, span), 0},
	{.name = NULL},
};

static void test_fields(void **state)
{
	struct things t = {0};

	(void)state;
	assert_true(scan_fields(bytes_str("{\"span\":[1],\"s\":\"x\",\"?\":{},"
					  "\"b\":true,\"x\":1.5,\"n\":7}"),
				fields, &t));
	assert_int_equal(t.n, 7);
	assert_true(t.x > 1.49 && t.x < 1.51);
	assert_true(t.b);
	assert_string_equal(t.s, "x");
	assert_text(t.span, "[1]");
	assert_true(scan_fields(bytes_str("{\"n\":null,\"s\":null}"), fields,
				&t));
	assert_int_equal(t.n, -1);
	assert_null(t.s);
	assert_true(t.b);
}

static void test_fields_of_a_wrong_type(void **state)
{
	struct things t = {.n = 3, .x = 2, .b = true, .s = xstrdup("old")};

	(void)state;
	assert_true(scan_fields(bytes_str("{\"n\":\"7\",\"x\":[],\"b\":1,"
					  "\"s\":5}"),
				fields, &t));
	assert_int_equal(t.n, 3);
	assert_true(t.b);
	assert_string_equal(t.s, "old");
	assert_true(scan_fields(bytes_str("{\"n\":-7}"), fields, &t));
	assert_int_equal(t.n, 3);
	assert_true(scan_fields(bytes_str("{\"n\":99999999999999999999}"),
				fields, &t));
	assert_int_equal(t.n, 3);
	assert_false(scan_fields(bytes_str("[]"), fields, &t));
	assert_false(scan_fields(bytes_str("{\"n\":}"), fields, &t));
	free(t.s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_what_is_json),
	cmocka_unit_test(test_texts_cut_short),
	cmocka_unit_test(test_depth),
	cmocka_unit_test(test_members),
	cmocka_unit_test(test_elements),
	cmocka_unit_test(test_text),
	cmocka_unit_test(test_fields),
	cmocka_unit_test(test_fields_of_a_wrong_type),
};

UNIT_MAIN(tests)
