#include "tests/unit/unit.h"
#include "wire/limits.h"

static void test_accepts(void **state)
{
	static const char *const good[] = {
		"{}", " {} \n", "[]", "\"x\"", "1", "-1.5e3", "true", "false",
		"{\"a\": [1, 2, {\"b\": null}]}", "\"h\xc3\xa9\"",
		"\"\\u0000\"", "12345678901234567890123",
		"{\"a\": -12345678901234567890123, \"1\\\"9\": [9223372036854775808]}",
	};
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		struct json_object *o = json_parse(bytes_str(good[i]), &why);

		if (!o)
			fail_msg("%s: %s", good[i], why);
		assert_null(why);
		json_object_put(o);
	}
}

static void test_refuses(void **state)
{
	static const struct bytes bad[] = {
		{"", 0}, {" ", 1}, {"{", 1}, {"}", 1}, {"{}x", 3}, {"{} {}", 5},
		{"{'a':1}", 7}, {"{\"a\":1,}", 8}, {"[1,]", 4}, {"NaN", 3},
		{"Infinity", 8}, {"-Infinity", 9}, {"[NaN]", 5},
		{"{\"a\":NaN}", 9}, {"[[-Infinity]]", 13},
		{"{a:1}", 5}, {"01", 2}, {"nul", 3}, {"null", 4},
		{"\"\xff\"", 3}, {"\"\xc3\"", 3}, {"\"\xc3", 2},
		{"\"\\\xc3\xa9\"", 5}, {"\xc3\xa9", 2}, {"\"\xed\xa0\x80\"", 5},
		{"{}\0", 3}, {"\"abc", 4}, {"/* */ {}", 8}, {"tru", 3},
		{"\0{}", 3}, {"{\"a\"\0:1}", 8},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *why = NULL;
		/* Exact, so that reading over the end is seen. */
		void *exact = xmemdup(bad[i].p, bad[i].n);

		if (json_parse(bytes_of(exact, bad[i].n), &why))
			fail_msg("row %zu passed", i);
		assert_non_null(why);
		free(exact);
	}
	assert_null(json_parse(bytes_of(NULL, 0), NULL));
}

static void test_depth(void **state)
{
	struct buf b = BUF_INIT;
	struct json_object *o;
	int i;

	(void)state;
	for (i = 0; i < 60; i++)
		buf_putc(&b, '[');
	for (i = 0; i < 60; i++)
		buf_putc(&b, ']');
	o = json_parse(buf_bytes(&b), NULL);
	assert_non_null(o);
	json_object_put(o);
	buf_clear(&b);
	for (i = 0; i < 100000; i++)
		buf_putc(&b, '[');
	assert_null(json_parse(buf_bytes(&b), NULL));
	buf_done(&b);
	/* One failure does not spoil the next. */
	o = json_parse(bytes_str("{}"), NULL);
	assert_non_null(o);
	json_object_put(o);
}

static void test_size(void **state)
{
	char *big = zalloc(LIMIT_JSON + 1);
	const char *why;

	(void)state;
	memset(big, ' ', LIMIT_JSON + 1);
	big[0] = '1';
	assert_null(json_parse(bytes_of(big, LIMIT_JSON + 1), &why));
	assert_string_equal(why, "it is longer than 64 MiB");
	free(big);
}

static void test_members_are_typed(void **state)
{
	struct json_object *o = json_parse(
		bytes_str("{\"s\":\"a\\u0000b\",\"i\":-7,\"x\":1.5,\"b\":true,"
			  "\"n\":null,\"o\":{},\"a\":[]}"),
		NULL);
	int64_t n = 42;
	size_t len;

	(void)state;
	assert_non_null(o);
	assert_memory_equal(json_get_str(o, "s", &len), "a\0b", 3);
	assert_int_equal(len, 3);
	assert_int_equal(json_get_bytes(o, "s").n, 3);
	assert_memory_equal(json_get_bytes(o, "s").p, "a\0b", 3);
	assert_null(json_get_bytes(o, "i").p);
	assert_null(json_get_str(o, "i", NULL));
	assert_null(json_get_str(o, "missing", NULL));
	assert_true(json_get_int(o, "i", &n));
	assert_int_equal(n, -7);
	assert_false(json_get_int(o, "x", &n));
	assert_false(json_get_int(o, "s", &n));
	assert_int_equal(n, -7);
	assert_int_equal(json_int_or(o, "i", 9), -7);
	assert_int_equal(json_int_or(o, "b", 9), 9);
	assert_int_equal(json_int_or(o, "n", 9), 9);
	assert_true(json_real_or(o, "x", 9) == 1.5);
	assert_true(json_real_or(o, "i", 9) == -7);
	assert_true(json_real_or(o, "s", 9) == 9);
	assert_true(json_bool_or(o, "b", false));
	assert_true(json_bool_or(o, "i", true));
	assert_null(json_get(o, "n"));
	assert_non_null(json_get_object(o, "o"));
	assert_null(json_get_object(o, "a"));
	assert_non_null(json_get_array(o, "a"));
	assert_null(json_get_array(o, "o"));
	json_object_put(o);
}

static void test_members_of_what_is_no_object(void **state)
{
	struct json_object *a = json_object_new_array();

	(void)state;
	assert_null(json_get(a, "x"));
	assert_null(json_get(NULL, "x"));
	assert_null(json_get_str(NULL, "x", NULL));
	assert_int_equal(json_int_or(NULL, "x", 3), 3);
	json_object_put(a);
}

static void test_writing(void **state)
{
	struct json_object *o = json_object_new_object();
	struct json_object *a = json_object_new_array();

	(void)state;
	json_add_str(o, "s", "a/b\"");
	json_add_str(o, "none", NULL);
	json_add_bytes(o, "bytes", bytes_of("x\0\xff", 3));
	json_add_int(o, "i", INT64_MAX);
	json_add_bool(o, "b", false);
	json_add_real(o, "x", 0.5);
	json_push(a, json_object_new_int(1));
	json_push(a, NULL);
	json_add(o, "a", a);
	assert_text(json_bytes(o),
		    "{\"s\":\"a/b\\\"\",\"none\":null,"
		    "\"bytes\":\"x\\u0000\xef\xbf\xbd\","
		    "\"i\":9223372036854775807,\"b\":false,\"x\":0.5,"
		    "\"a\":[1,null]}");
	json_object_put(o);
}

static void test_text_of_nothing(void **state)
{
	struct json_object *o = json_text(bytes_of(NULL, 0));

	(void)state;
	assert_text(json_bytes(o), "\"\"");
	json_object_put(o);
}

/* What is put as text is read as what json_text() makes of it. */
static void test_put_text(void **state)
{
	static const char odd[] = "a\xff\xc3\xa9\xed\xa0\x80\xf0\x9f\x90\xa7\xc3";
	struct json_object *want, *got;
	struct buf out = BUF_INIT;
	char all[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	for (i = 0; i <= sizeof(all); i++) {
		struct bytes text = i < sizeof(all)
					    ? bytes_of(all + i, sizeof(all) - i)
					    : bytes_str(odd);

		buf_clear(&out);
		buf_puts(&out, "{\"x\":");
		json_put_text(&out, text);
		buf_putc(&out, '}');
		got = json_parse(buf_bytes(&out), NULL);
		assert_non_null(got);
		want = json_text(text);
		assert_true(json_object_equal(json_get(got, "x"), want));
		json_object_put(got);
		json_object_put(want);
	}
	buf_clear(&out);
	json_put_text(&out, bytes_str("a\"\\\n\t\v\x01/"));
	assert_text(buf_bytes(&out), "\"a\\\"\\\\\\n\\t\\u000b\\u0001/\"");
	buf_done(&out);
}

static void test_texts_of_an_array(void **state)
{
	struct json_object *o = json_parse(
		bytes_str("{\"a\": [\"x\", 5, null, \"yy\"]}"), NULL);
	struct json_object *a = json_get_array(o, "a");

	(void)state;
	assert_true(json_has_str(a, "x"));
	assert_true(json_has_str(a, "yy"));
	assert_false(json_has_str(a, "y"));
	assert_false(json_has_str(NULL, "x"));
	json_object_put(o);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_accepts),
	cmocka_unit_test(test_refuses),
	cmocka_unit_test(test_depth),
	cmocka_unit_test(test_size),
	cmocka_unit_test(test_members_are_typed),
	cmocka_unit_test(test_members_of_what_is_no_object),
	cmocka_unit_test(test_writing),
	cmocka_unit_test(test_text_of_nothing),
	cmocka_unit_test(test_put_text),
	cmocka_unit_test(test_texts_of_an_array),
};

UNIT_MAIN(tests)
