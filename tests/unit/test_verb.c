#include "unit.h"

#include "wire/verb.h"

#define OF_RESULTS (VERB_RESULT | VERB_TASK)

static void test_rows(void **state)
{
	const struct verb *v, *w;

	(void)state;
	for (v = verbs; v->name; v++) {
		assert_int_not_equal(v->scopes, 0);
		assert_true((v->argument != NULL) == (v->check != NULL));
		/* One name asks for one thing of one ctl. */
		for (w = verbs; w < v; w++)
			assert_true(!(w->scopes & v->scopes) ||
				    strcmp(w->name, v->name) != 0);
		/* Each "when" is about results, or about engines. */
		if (v->when == VERB_WHILE_RUNNING)
			assert_int_equal(v->scopes, VERB_ENGINE);
		else if (v->when != VERB_ALWAYS)
			assert_int_equal(v->scopes & ~(unsigned)OF_RESULTS, 0);
	}
}

static void test_finding(void **state)
{
	const struct verb *v;

	(void)state;
	for (v = verbs; v->name; v++) {
		assert_ptr_equal(verb_find(v->scopes, bytes_str(v->name)), v);
		assert_null(verb_find(~v->scopes, bytes_str(v->name)));
	}
	assert_null(verb_find(~0U, bytes_str("abor")));
	assert_null(verb_find(~0U, bytes_str("aborts")));
	assert_null(verb_find(~0U, bytes_str("")));
	assert_null(verb_find(VERB_TASK, bytes_str("priority")));
}

static void test_arguments(void **state)
{
	const struct verb *signal = verb_find(VERB_TASK, bytes_str("signal"));
	const struct verb *priority =
		verb_find(VERB_RESULT, bytes_str("priority"));

	(void)state;
	assert_int_equal(signal->check(bytes_str("TERM")), 0);
	assert_int_equal(signal->check(bytes_str("15")), 0);
	assert_int_equal(signal->check(bytes_str("FOO")), -EINVAL);
	assert_int_not_equal(signal->check(bytes_str("")), 0);
	assert_int_equal(priority->check(bytes_str("-7")), 0);
	assert_int_not_equal(priority->check(bytes_str("high")), 0);
	assert_int_equal(priority->check(bytes_str("1000001")), -ERANGE);
}

static void test_launch(void **state)
{
	const struct verb *cancel = verb_find(VERB_POOL, bytes_str("cancel"));

	(void)state;
	assert_int_equal(cancel->check(bytes_str("")), 0);
	assert_int_equal(cancel->check(bytes_str("tfs-short-1-abcdef")), 0);
	assert_int_not_equal(cancel->check(bytes_str("a/b")), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_rows),
	cmocka_unit_test(test_finding),
	cmocka_unit_test(test_arguments),
	cmocka_unit_test(test_launch),
};

UNIT_MAIN(tests)
