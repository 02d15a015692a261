#include "unit.h"

#include "base/buf.h"
#include "wire/limits.h"
#include "wire/pool_option.h"

static int check(const char *name, struct bytes text, struct bytes *ret,
		 struct buf *why)
{
	const struct pool_option *o = pool_option_find(bytes_str(name));

	assert_non_null(o);
	buf_clear(why);
	return pool_option_check(o, text, ret, why);
}

static void test_table(void **state)
{
	const struct pool_option *o;
	struct buf why = BUF_INIT;
	struct bytes value;

	(void)state;
	for (o = pool_options; o->name; o++) {
		assert_ptr_equal(pool_option_find(bytes_str(o->name)), o);
		assert_non_null(o->help);
		/* Every standard is a value. */
		if (o->standard)
			assert_int_equal(pool_option_check(
				o, bytes_str(o->standard), &value, &why), 0);
		assert_int_equal(pool_option_check(o, bytes_str(" \n"), &value,
						   &why), 0);
		assert_int_equal(value.n, 0);
	}
	assert_int_equal(why.n, 0);
	assert_int_equal(pool_option_unknown(bytes_str("maximum"), &why), -EINVAL);
	assert_non_null(strstr(buf_str(&why), "\"maximum\""));
	buf_clear(&why);
	assert_int_equal(pool_option_unknown(bytes_str("lauch"), &why), -EINVAL);
	assert_non_null(strstr(buf_str(&why), "\"launch\" meant"));
	buf_done(&why);
}

static void test_values(void **state)
{
	static const struct {
		const char *name, *text, *value;
		int err;
	} rows[] = {
		{"max", "7\n", "7", 0},
		{"max", " 0 ", "0", 0},
		{"max", "-1", NULL, -EINVAL},
		{"max", "1.5", NULL, -EINVAL},
		{"max", "65537", NULL, -EINVAL},
		{"max", "ten", NULL, -EINVAL},
		{"min", "65536", "65536", 0},
		{"backlog", "0", NULL, -EINVAL},
		{"backlog", "1", "1", 0},
		{"idle", "0", "0", 0},
		{"idle", "1.5", "1.5", 0},
		{"idle", "10m\n", "10m", 0},
		{"idle", "-3", NULL, -EINVAL},
		{"idle", "2000000000", NULL, -EINVAL},
		{"idle", "soon", NULL, -EINVAL},
		{"lifetime", "2h", "2h", 0},
		/* A command stays as it is. */
		{"launch", " sbatch  x\n", " sbatch  x\n", 0},
		{"launch", "\xff", NULL, -EINVAL},
	};
	struct buf why = BUF_INIT;
	struct bytes value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int err = check(rows[i].name, bytes_str(rows[i].text), &value,
				&why);

		assert_int_equal(err, rows[i].err);
		if (err)
			assert_non_null(strstr(buf_str(&why), rows[i].name));
		else
			assert_true(bytes_is(value, rows[i].value));
	}
	assert_int_equal(check("launch", bytes_of("a\0b", 3), &value, &why),
			 -EINVAL);
	buf_done(&why);
}

static void test_large(void **state)
{
	struct buf text = BUF_INIT, why = BUF_INIT;
	struct bytes value;

	(void)state;
	while (text.n < LIMIT_POOL_COMMAND)
		buf_putc(&text, 'x');
	assert_int_equal(check("launch", buf_bytes(&text), &value, &why), 0);
	buf_putc(&text, 'x');
	assert_int_equal(check("launch", buf_bytes(&text), &value, &why), -EFBIG);
	assert_int_equal(check("max", buf_bytes(&text), &value, &why), -EINVAL);
	buf_done(&text);
	buf_done(&why);
}

static uint64_t number(const char *name, const char *value)
{
	return pool_option_number(pool_option_find(bytes_str(name)), value);
}

static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(number("max", NULL), 10);
	assert_int_equal(number("max", ""), 10);
	assert_int_equal(number("max", "3"), 3);
	assert_int_equal(number("min", NULL), 0);
	assert_int_equal(number("backlog", NULL), 4);
	assert_int_equal(number("idle", NULL), 300000000);
	assert_int_equal(number("idle", "250ms"), 250000);
	assert_int_equal(number("lifetime", NULL), 0);
}

static void test_names(void **state)
{
	static const char *const good[] = {"short", "a", "GPU.big_1-x", "7up",
					   "_"};
	static const char *const bad[] = {"", ".x", "-x", "12", "a/b", "a b",
					  "sch\xc3\xb6n", "a\n", "..", "a$b"};
	char name[LIMIT_POOL_NAME + 2];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(pool_name_ok(bytes_str(good[i])));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(pool_name_ok(bytes_str(bad[i])));
	memset(name, 'n', sizeof(name));
	assert_true(pool_name_ok(bytes_of(name, LIMIT_POOL_NAME)));
	assert_false(pool_name_ok(bytes_of(name, LIMIT_POOL_NAME + 1)));
	assert_true(launch_token_ok(bytes_str("tfs-short-12-a1b2c3")));
	assert_false(launch_token_ok(bytes_str("tfs short")));
	assert_false(launch_token_ok(bytes_of("a\0b", 3)));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_table),  cmocka_unit_test(test_values),
	cmocka_unit_test(test_large),  cmocka_unit_test(test_numbers),
	cmocka_unit_test(test_names),
};

UNIT_MAIN(tests)
