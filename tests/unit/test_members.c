#include "tests/unit/unit.h"
#include "wire/members.h"
#include <math.h>

/* What it says, as a reader of JSON sees it, too. */
static void expect(struct buf *b, const char *text)
{
	struct json_object *o;

	assert_string_equal(buf_str(b), text);
	o = json_parse(buf_bytes(b), NULL);
	assert_non_null(o);
	json_object_put(o);
	buf_done(b);
}

static void test_numbers(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_putc(&b, '{');
	member_int(&b, "a", 0);
	member_int(&b, "b", -7);
	member_int(&b, "c", INT64_MAX);
	member_int(&b, "d", INT64_MIN);
	buf_putc(&b, '}');
	expect(&b, "{\"a\":0,\"b\":-7,\"c\":9223372036854775807,"
		   "\"d\":-9223372036854775808}");
}

static void test_seconds(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_putc(&b, '[');
	member_seconds(&b, NULL, 0);
	member_seconds(&b, NULL, 0.000001);
	member_seconds(&b, NULL, 1.9999999);
	member_seconds(&b, NULL, -2.5);
	member_seconds(&b, NULL, 1e11);
	member_seconds(&b, NULL, (double)INFINITY);
	member_seconds(&b, NULL, (double)NAN);
	buf_putc(&b, ']');
	expect(&b, "[0.000000,0.000001,2.000000,-2.500000,"
		   "100000000000.000000,0.0,0.0]");
}

static void test_text_and_words(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_putc(&b, '{');
	member_bool(&b, "yes", true);
	member_bool(&b, "no", false);
	member_null(&b, "none");
	member_str(&b, "s", "a\"b\n{");
	member_str(&b, "n", NULL);
	member_bytes(&b, "u", bytes_of("\xff[", 2));
	buf_putc(&b, '}');
	expect(&b, "{\"yes\":true,\"no\":false,\"none\":null,"
		   "\"s\":\"a\\\"b\\n{\",\"n\":null,\"u\":\"\xef\xbf\xbd[\"}");
}

static void test_what_is_inside(void **state)
{
	struct json_object *o = json_object_new_object();
	struct buf b = BUF_INIT;

	(void)state;
	buf_putc(&b, '{');
	member_all(&b, o);
	json_add_int(o, "x", 1);
	json_add(o, "y", NULL);
	member_all(&b, o);
	member_all(&b, o);
	member_begin(&b, "list");
	buf_putc(&b, '[');
	member_raw(&b, NULL, bytes_str("{}"));
	member_raw(&b, NULL, bytes_str("[]"));
	buf_puts(&b, "]}");
	expect(&b, "{\"x\":1,\"y\":null,\"x\":1,\"y\":null,\"list\":[{},[]]}");
	json_object_put(o);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_numbers),
	cmocka_unit_test(test_seconds),
	cmocka_unit_test(test_text_and_words),
	cmocka_unit_test(test_what_is_inside),
};

UNIT_MAIN(tests)
