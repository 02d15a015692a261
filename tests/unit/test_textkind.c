#include "tests/unit/unit.h"
#include "wire/textkind.h"

/* In pieces of any size; what the end says counts when nothing before it did. */
static void expect(const char *text, enum text_kind want)
{
	size_t all = strlen(text), n, at;

	for (n = 1; n <= all; n++) {
		struct textkind k = {0};
		enum text_kind got = TEXT_NONE;

		for (at = 0; at < all && !got; at += n)
			got = textkind_take(&k, bytes_of(text + at,
							 min_u64(n, all - at)));
		assert_int_equal(got ? got : textkind_end(&k), want);
	}
}

static void test_scripts(void **state)
{
	(void)state;
	expect("ls", TEXT_PLAIN);
	expect("\n\t ls {\"", TEXT_PLAIN);
	expect("{ cd /; ls; }", TEXT_PLAIN);
	expect(" {\n\tls\n}\n", TEXT_PLAIN);
	expect("{\t(ls) }", TEXT_PLAIN);
	expect("{ 'ls'; }", TEXT_PLAIN);
	expect("{ $x; }", TEXT_PLAIN);
	expect("{ make-it", TEXT_JSON);
	expect("{ make-it -j; }", TEXT_PLAIN);
	expect("{ : ; }", TEXT_PLAIN);
	expect("{ code : 1 }", TEXT_PLAIN);
	expect("{ a_word_that_is_longer_than_any_option_of_any_task_in_this_world_is:",
	       TEXT_PLAIN);
}

static void test_json(void **state)
{
	(void)state;
	expect("{\"code\":", TEXT_JSON);
	expect(" \n{ \"code\":", TEXT_JSON);
	expect("{\n\n\"code\":", TEXT_JSON);
	expect("{}", TEXT_JSON);
	expect("{ }", TEXT_JSON);
	expect("{code: 1}", TEXT_JSON);
	expect("{ code: 1}", TEXT_JSON);
	expect("{'code'", TEXT_JSON);
	expect("{ls;}", TEXT_JSON);
	expect("{", TEXT_JSON);
	expect(" { \n", TEXT_JSON);
	expect("{ cod", TEXT_JSON);
}

static void test_lists(void **state)
{
	(void)state;
	expect("[{\"code\": \"ls\"}]", TEXT_LIST);
	expect(" [ { \"code\": \"ls\"}]", TEXT_LIST);
	expect("[\n  {\n\"code\": \"ls\"}]", TEXT_LIST);
	expect("[{code: 1}]", TEXT_LIST);
	expect("[ -f x ] && ls", TEXT_PLAIN);
	expect("[[ $x ]]", TEXT_PLAIN);
	expect("[ { = \"$x\" ]", TEXT_PLAIN);
	expect("[ {} = \"$x\" ]", TEXT_PLAIN);
	expect("[", TEXT_PLAIN);
	expect("[ {", TEXT_PLAIN);
}

static void test_nothing(void **state)
{
	(void)state;
	expect(" \n\t\r\n", TEXT_NONE);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_scripts),
	cmocka_unit_test(test_json),
	cmocka_unit_test(test_lists),
	cmocka_unit_test(test_nothing),
};

UNIT_MAIN(tests)
