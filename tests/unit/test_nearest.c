#include "tests/unit/unit.h"
#include "base/nearest.h"

static void expect(const char *word, const char *want)
{
	static const char *const words[] = {
		"code", "env", "cwd", "map", "after", "follow", "retries", "retry_on",
		"timeout", "time_limit", "priority", "max_running",
		"a_word_that_is_longer_than_any_that_is_looked_at",
	};
	struct nearest n = NEAREST(bytes_str(word));
	struct buf out = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		nearest_try(&n, words[i]);
	nearest_ask(&n, &out);
	assert_text(buf_bytes(&out), want);
	buf_done(&out);
}

static void test_what_is_near(void **state)
{
	(void)state;
	expect("retry", ": is \"retries\" meant?");
	expect("retires", ": is \"retries\" meant?");
	expect("retriess", ": is \"retries\" meant?");
	expect("Retries", ": is \"retries\" meant?");
	expect("cod", ": is \"code\" meant?");
	expect("prio", ": is \"priority\" meant?");
	expect("time-limit", ": is \"time_limit\" meant?");
	expect("timelimit", ": is \"time_limit\" meant?");
	expect("maxrunning", ": is \"max_running\" meant?");
	expect("evn", ": is \"env\" meant?");
	expect("mpa", ": is \"map\" meant?");
}

static void test_what_is_not(void **state)
{
	(void)state;
	expect("", "");
	expect("x", "");
	expect("xyz", "");
	expect("foo", "");
	expect("cmd", "");
	expect("pam", "");
	expect("dependencies", "");
	expect("a_word_that_is_longer_than_any_that_is_looked_at", "");
	expect("\xff\xfe\xfd", "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_what_is_near),
	cmocka_unit_test(test_what_is_not),
};

UNIT_MAIN(tests)
