#include "tests/unit/unit.h"
#include "wire/jsonfeed.h"

/* Feeds text in pieces of n bytes; the codes of the objects, with commas. */
static int feed(const char *text, size_t n, struct buf *codes, struct buf *why)
{
	struct jsonfeed j = {0};
	size_t all = strlen(text), at;
	int got = 0;

	for (at = 0; at < all && got >= 0; at += n) {
		struct bytes piece =
			bytes_of(text + at, min_u64(n, all - at));
		struct json_object *o = NULL;

		while ((got = jsonfeed_next(&j, &piece, &o, why)) > 0) {
			const char *code = json_get_str(o, "code", NULL);

			buf_puts(codes, code ? code : "none");
			buf_putc(codes, ',');
			json_object_put(o);
		}
		if (got == 0)
			assert_int_equal(piece.n, 0);
	}
	if (got == 0 && j.inside)
		got = 1;
	jsonfeed_done(&j);
	return got;
}

static void expect(const char *text, int want, const char *codes)
{
	size_t n;

	for (n = 1; n <= strlen(text); n++) {
		struct buf got = BUF_INIT, why = BUF_INIT;

		assert_int_equal(feed(text, n, &got, &why), want);
		assert_text(buf_bytes(&got), codes);
		assert_int_equal(why.n > 0, want < 0);
		buf_done(&got);
		buf_done(&why);
	}
}

static void test_objects_in_any_pieces(void **state)
{
	(void)state;
	expect("{\"code\":\"a\"}", 0, "a,");
	expect(" \n{\"code\":\"a\"}\n{\"code\":\"b}{\"}{\"code\":\"\\u00e4\"}\t",
	       0, "a,b}{,\xc3\xa4,");
	expect("{\"code\":\"a\",\"env\":{\"X\":\"1\"}}", 0, "a,");
	expect("{\"code\":\"\xc3\xa4\xf0\x9f\x98\x80\"}", 0,
	       "\xc3\xa4\xf0\x9f\x98\x80,");
	expect("{\"code\":\"\\\\\xc3\xa4\\\"\"}{\"code\":\"\xe2\x82\xac\"}", 0,
	       "\\\xc3\xa4\",\xe2\x82\xac,");
}

static void test_what_is_not_utf8(void **state)
{
	(void)state;
	expect("{\"code\":\"\xc3\"}", -EINVAL, "");
	expect("{\"code\":\"\xff    \"}", -EINVAL, "");
	expect("{\"code\":\"\xe0\x80\x80 \"}", -EINVAL, "");
}

static void test_an_end_within_an_object(void **state)
{
	(void)state;
	expect("{\"code\":\"a\"}{\"code\":\"b\"", 1, "a,");
	expect("{\"code\":\":\\\":\",\"a\":[{\"code\":null},{\"code\":1}]}"
	       "{\"code\":\"b\"}", 0, ":\":,b,");
	expect("{", 1, "");
}

static void test_mistakes(void **state)
{
	(void)state;
	expect("{\"code\" \"a\"}", -EINVAL, "");
	expect("{\"code\":\"a\"},{\"code\":\"b\"}", -EINVAL, "a,");
	expect("{\"code\":\"a\"}x", -EINVAL, "a,");
	expect("{\"code\":\"a\",}", -EINVAL, "");
	expect("{\"code\":\"a\",\"code\":\"b\"}", -EINVAL, "");
	expect("{\"code\":\"a\"}{\"env\":{\"A\":\"1\",\"A\":\"1\"}}", -EINVAL, "a,");
	expect("{\"a\":[{\"b\":{\"c\":null,\"c\":1}}]}", -EINVAL, "");
	expect("{'code':'a'}", -EINVAL, "");
	expect("{'code':\"a\"}", -EINVAL, "");
	expect("{\"code\":'a'}", -EINVAL, "");
	expect("{\"code\":\"\xff\"}", -EINVAL, "");
	expect("{\"code\":\"\\\xc3\xa4\"}", -EINVAL, "");
	expect("{\xc3\xa4:1}", -EINVAL, "");
}

/* In one piece, and byte by byte, which sees nothing behind the mistake. */
static void expect_place(const char *text, const char *whole, const char *bytes)
{
	struct buf codes = BUF_INIT, why = BUF_INIT;

	assert_int_equal(feed(text, strlen(text), &codes, &why), -EINVAL);
	assert_text(buf_bytes(&why), whole);
	buf_clear(&why);
	assert_int_equal(feed(text, 1, &codes, &why), -EINVAL);
	assert_text(buf_bytes(&why), bytes);
	buf_done(&codes);
	buf_done(&why);
}

static void test_places(void **state)
{
	(void)state;
	expect_place("{\"code\": ls}",
		     "line 1, column 10: unexpected character near: "
		     "{\"code\": ls}",
		     "line 1, column 10: unexpected character near: "
		     "{\"code\": l");
	expect_place("{\"code\":\"a\"}\n\n {\"code\":\"b\",\n  env: 1}\n{}",
		     "line 4, column 3: quoted object property name expected "
		     "near: env: 1}",
		     "line 4, column 3: quoted object property name expected "
		     "near: e");
	expect_place("  x{}",
		     "line 1, column 3: a task must be a JSON object near: x{}",
		     "line 1, column 3: a task must be a JSON object near: x");
	expect_place("{\"code\":\"\xc3\xa4\xe2\x82\xac\"}{}, {}",
		     "line 1, column 16: behind an object only another may "
		     "follow near: {\"code\":\"\xc3\xa4\xe2\x82\xac\"}{}, {}",
		     "line 1, column 16: behind an object only another may "
		     "follow near: {\"code\":\"\xc3\xa4\xe2\x82\xac\"}{},");
	expect_place("{\"c\":\"\xff\"}",
		     "line 1, column 7: it is not UTF-8 near: "
		     "{\"c\":\"\\xff\"}",
		     "line 1, column 7: it is not UTF-8 near: {\"c\":\"");
	expect_place("{\"args\":[\"1234567890123456789012345678901234567890\" "
		     "1, \"1234567890123456789012345678901234567890\"]}",
		     "line 1, column 53: array value separator ',' expected "
		     "near: 123456789012345678901234567890\" 1, "
		     "\"1234567890123456789012345678",
		     "line 1, column 53: array value separator ',' expected "
		     "near: 123456789012345678901234567890\" 1");
	expect_place("{\"a\":1,\"a\":2}  \n\n{}",
		     "line 1, column 14: an object has two members of one name "
		     "near: {\"a\":1,\"a\":2}",
		     "line 1, column 14: an object has two members of one name "
		     "near: {\"a\":1,\"a\":2}");
}

static void test_where_an_object_began(void **state)
{
	struct jsonfeed j = {0};
	struct buf why = BUF_INIT;
	struct json_object *o = NULL;
	struct bytes b = bytes_str("{}\n\n{\n\"code\":\n");

	(void)state;
	assert_int_equal(jsonfeed_next(&j, &b, &o, &why), 1);
	json_object_put(o);
	assert_int_equal(jsonfeed_next(&j, &b, &o, &why), 0);
	jsonfeed_unended(&j, &why);
	assert_text(buf_bytes(&why), "the text ends within the JSON object that "
				     "began in line 3");
	jsonfeed_done(&j);
	buf_done(&why);
}

static void test_too_deep(void **state)
{
	struct jsonfeed j = {0};
	struct buf text = BUF_INIT, why = BUF_INIT;
	struct json_object *o = NULL;
	struct bytes b;
	int i;

	(void)state;
	buf_puts(&text, "{\"code\":");
	for (i = 0; i < 1000; i++)
		buf_putc(&text, '[');
	b = buf_bytes(&text);
	assert_int_equal(jsonfeed_next(&j, &b, &o, &why), -EINVAL);
	assert_null(o);
	jsonfeed_done(&j);
	buf_done(&text);
	buf_done(&why);
}

static void test_reset_forgets(void **state)
{
	struct jsonfeed j = {0};
	struct buf why = BUF_INIT;
	struct json_object *o = NULL;
	struct bytes b = bytes_str("{\"code\":");

	(void)state;
	assert_int_equal(jsonfeed_next(&j, &b, &o, &why), 0);
	assert_true(j.inside);
	jsonfeed_reset(&j);
	assert_false(j.inside);
	b = bytes_str("{}");
	assert_int_equal(jsonfeed_next(&j, &b, &o, &why), 1);
	json_object_put(o);
	jsonfeed_done(&j);
	buf_done(&why);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_objects_in_any_pieces),
	cmocka_unit_test(test_what_is_not_utf8),
	cmocka_unit_test(test_an_end_within_an_object),
	cmocka_unit_test(test_mistakes),
	cmocka_unit_test(test_places),
	cmocka_unit_test(test_where_an_object_began),
	cmocka_unit_test(test_too_deep),
	cmocka_unit_test(test_reset_forgets),
};

UNIT_MAIN(tests)
