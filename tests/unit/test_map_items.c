#include "tests/unit/unit.h"
#include "wire/limits.h"
#include "wire/map_items.h"

/* What becomes of the list: its block with '|' for NUL, ' ' and which are JSON. */
static char *made(const char *text)
{
	struct json_object *list = json_parse(bytes_str(text), NULL);
	struct buf block = BUF_INIT, json = BUF_INIT;
	size_t i;

	assert_non_null(list);
	assert_int_equal(map_items_put(list, &block, &json), 0);
	for (i = 0; i < block.n; i++)
		if (!block.p[i])
			block.p[i] = '|';
	buf_putc(&block, ' ');
	buf_put(&block, json.p, json.n);
	json_object_put(list);
	buf_done(&json);
	return buf_take(&block);
}

static void test_a_list(void **state)
{
	static const struct {
		const char *list, *want;
	} rows[] = {
		{"[\"a\", \"b c\", \"\"]", "a|b c|| "},
		{"[1, 2.50, 1e3, -7]", "1|2.50|1e3|-7| all"},
		{"[true, false, null]", "true|false|null| all"},
		{"[[1, \"a b\"], {\"k\" : \"/\\u00e4\"}]",
		 "[1,\"a b\"]|{\"k\":\"/\303\244\"}| all"},
		{"[\"1\", 1, 2, \"x\", 3]", "1|1|2|x|3| 1-2,4"},
		{"[1, \"1\"]", "1|1| 0"},
		{"[\"1\", 1]", "1|1| 1"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		char *got = made(rows[i].list);

		assert_string_equal(got, rows[i].want);
		free(got);
	}
}

static bool ok(const char *text)
{
	struct json_object *list = json_parse(bytes_str(text), NULL);
	bool good;

	if (!list)
		return false; /* json_parse() has refused it already */
	good = map_item_ok(json_object_array_get_idx(list, 0));
	json_object_put(list);
	return good;
}

static void test_what_cannot_be_kept(void **state)
{
	(void)state;
	assert_true(ok("[9223372036854775807]"));
	assert_true(ok("[18446744073709551614]"));
	assert_true(ok("[-9223372036854775807]"));
	assert_true(ok("[[\"\\u0000\"]]"));
	assert_true(ok("[1e-0, 18446744073709551616e0, 18446744073709551616.0]"));
	assert_false(ok("[18446744073709551616]"));
	assert_false(ok("[-9223372036854775809]"));
	assert_false(ok("[184467440737095516160123456789]"));
	assert_false(ok("[1e400]"));
	assert_false(ok("[[[18446744073709551616]]]"));
	assert_false(ok("[{\"a\": {\"b\": 1e400}}]"));
	assert_false(ok("[\"a\\u0000\"]"));
}

static void test_the_text(void **state)
{
	static const char *const good[] = {"all", "0", "3,5", "0-2,7", "5-5"};
	static const char *const bad[] = {"", "a", "1,", ",1", "2-1", "1-", "-1",
					  "1,,2", "all,1", "1 2", "99999999999"};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(json_items_ok(bytes_str(good[i])));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(json_items_ok(bytes_str(bad[i])));
	assert_true(json_items_has(bytes_str("all"), 99));
	assert_true(json_items_has(bytes_str("0-2,7"), 2));
	assert_true(json_items_has(bytes_str("0-2,7"), 7));
	assert_false(json_items_has(bytes_str("0-2,7"), 3));
	assert_false(json_items_has(bytes_str("0-2,7"), 8));
	assert_false(json_items_has(bytes_str(""), 0));
}

static void test_too_many_changes(void **state)
{
	struct json_items which = {0};
	struct buf text = BUF_INIT;
	int i;

	(void)state;
	for (i = 0; i < (int)LIMIT_JSON_ITEMS; i++)
		json_items_add(&which, i % 2 == 0);
	assert_int_equal(json_items_end(&which, &text), -E2BIG);
	assert_int_equal(text.n, 0);
	/* It can be used again. */
	json_items_add(&which, true);
	assert_int_equal(json_items_end(&which, &text), 0);
	assert_string_equal(buf_str(&text), "all");
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list),
		cmocka_unit_test(test_what_cannot_be_kept),
		cmocka_unit_test(test_the_text),
		cmocka_unit_test(test_too_many_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
