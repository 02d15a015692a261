#include "tests/unit/unit.h"
#include "base/parse.h"
#include "wire/limits.h"
#include "wire/task_text.h"

/* The result of checking a JSON text, the reason in *why. */
static int check(const char *text, struct buf *why)
{
	struct json_object *o = json_parse(bytes_str(text), NULL);
	int err;

	if (!o)
		fail_msg("not JSON: %s", text);
	err = task_options_check(o, why);
	json_object_put(o);
	return err;
}

static void test_the_table(void **state)
{
	const struct task_option *o, *p;

	(void)state;
	for (o = task_options; o->name; o++) {
		assert_true(o->help && o->help[0]);
		assert_true(o->min <= o->max);
		assert_true(o->flags & (TASK_BY_CONTROLLER | TASK_BY_ENGINE |
					TASK_BY_MOUNT));
		assert_ptr_equal(task_option_find(bytes_str(o->name)), o);
		for (p = o + 1; p->name; p++)
			assert_string_not_equal(o->name, p->name);
	}
	assert_null(task_option_find(bytes_str("cod")));
	assert_null(task_option_find(bytes_str("codes")));
	assert_null(task_option_find(bytes_str("")));
}

static void test_what_needs_a_map(void **state)
{
	const struct task_option *o;

	(void)state;
	for (o = task_options; o->name; o++) {
		struct json_object *options = json_object_new_object();
		struct buf why = BUF_INIT;
		int err;

		json_add_int(options, o->name, 1);
		err = task_options_need_map(options, &why);
		assert_int_equal(err, o->flags & TASK_NEEDS_MAP ? -EINVAL : 0);
		assert_int_equal(why.n > 0, err != 0);
		buf_done(&why);
		json_object_put(options);
	}
}

static void test_accepts(void **state)
{
	static const char *const good[] = {
		"{}",
		"{\"code\":\"echo\"}",
		"{\"code\":\"a\\u0000b\"}",
		"{\"args\":[]}",
		"{\"args\":[\"\", \"a b\", \"h\xc3\xa9\"]}",
		"{\"stdin\":\"\"}",
		"{\"env\":{\"A\":\"1\",\"B\":\"\"}}",
		"{\"cwd\":\"/tmp\"}",
		"{\"label\":\"build.x86_64+debug-1@host,2\"}",
		"{\"label\":\"gr\xc3\xbc\xc3\x9f\"}",
		"{\"targets\":[0,3,7]}",
		"{\"retries\":0}",
		"{\"retries\":1000}",
		"{\"retry_on\":[\"lost\"]}",
		"{\"retries\":1,\"retry_on\":[\"error\",\"exit 1\",\"exit 255\"]}",
		"{\"timeout\":1.5}",
		"{\"time_limit\":0}",
		"{\"priority\":-1000000}",
		"{\"cpus\":1}",
		"{\"cpus\":65536}",
		"{\"memory\":\"2G\"}",
		"{\"memory\":4096}",
		"{\"memory\":\"9007199254740992\"}",
		"{\"resources\":{\"gpu\":1,\"_licence9\":9007199254740992}}",
		"{\"code\":\"x\",\"retries\":3,\"time_limit\":2.5}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		struct buf why = BUF_INIT;

		if (check(good[i], &why))
			fail_msg("%s: %s", good[i], buf_str(&why));
		buf_done(&why);
	}
}

/* Refused, with a line of a reason that is about this. */
struct refusal {
	const char *text, *about;
};

static void expect_refusals(const struct refusal *row, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct buf why = BUF_INIT;

		if (check(row[i].text, &why) != -EINVAL)
			fail_msg("%s passed", row[i].text);
		if (!strstr(buf_str(&why), row[i].about))
			fail_msg("%s: '%s' does not say '%s'", row[i].text,
				 buf_str(&why), row[i].about);
		assert_true(utf8_valid(buf_bytes(&why)));
		assert_null(memchr(why.p, '\n', why.n));
		buf_done(&why);
	}
}

static void test_refuses_and_names_the_option(void **state)
{
	static const struct refusal row[] = {
		{"[]", "JSON object"},
		{"\"x\"", "JSON object"},
		{"{\"cdoe\":\"x\"}", "\"cdoe\""},
		{"{\"a\\u001b[31m\":1}", "\\x1b"},
		{"{\"code\":7}", "\"code\" must be a string"},
		{"{\"code\":null}", "\"code\""},
		{"{\"code\":\"\"}", "\"code\" must not be empty"},
		{"{\"args\":\"x\"}", "\"args\""},
		{"{\"args\":[1]}", "\"args\""},
		{"{\"args\":[\"a\\u0000b\"]}", "\"args\""},
		{"{\"args\":[null]}", "\"args\""},
		{"{\"env\":[\"A=1\"]}", "\"env\""},
		{"{\"env\":{\"\":\"x\"}}", "\"env\""},
		{"{\"env\":{\"A=B\":\"x\"}}", "\"env\""},
		{"{\"env\":{\"A\":1}}", "\"env\""},
		{"{\"env\":{\"A\":\"a\\u0000b\"}}", "\"env\""},
		{"{\"cwd\":\"\"}", "\"cwd\""},
		{"{\"cwd\":\"/a\\u0000b\"}", "\"cwd\""},
		{"{\"label\":\"a/b\"}", "\"label\""},
		{"{\"label\":\"a b\"}", "\"label\""},
		{"{\"label\":\"42\"}", "\"label\""},
		{"{\"label\":\".x\"}", "\"label\""},
		{"{\"label\":\"\"}", "\"label\""},
		{"{\"label\":\"latest\"}", "\"label\""},
		{"{\"label\":\"a\\nb\"}", "\"label\""},
		{"{\"targets\":[]}", "\"targets\""},
		{"{\"targets\":[-1]}", "\"targets\""},
		{"{\"targets\":[\"0\"]}", "list of numbers"},
		{"{\"targets\":[1.5]}", "\"targets\""},
		{"{\"targets\":[4294967296]}", "\"targets\""},
		{"{\"targets\":0}", "\"targets\""},
		{"{\"retries\":1.5}", "\"retries\""},
		{"{\"cpus\":0}", "\"cpus\" must be from 1 to 65536"},
		{"{\"cpus\":65537}", "\"cpus\""},
		{"{\"cpus\":\"2\"}", "\"cpus\""},
		{"{\"memory\":0}", "\"memory\" must be a number of bytes"},
		{"{\"memory\":-1}", "\"memory\""},
		{"{\"memory\":1.5}", "\"memory\""},
		{"{\"memory\":\"2 G\"}", "\"memory\""},
		{"{\"memory\":\"2X\"}", "\"memory\""},
		{"{\"memory\":\"9000T\"}", "\"memory\""},
		{"{\"memory\":\"\"}", "\"memory\""},
		{"{\"memory\":\"1\\u0000\"}", "\"memory\""},
		{"{\"resources\":[]}", "\"resources\" must be an object"},
		{"{\"resources\":{\"gpu\":0}}", "gpu must be a whole number"},
		{"{\"resources\":{\"gpu\":\"1\"}}", "gpu must be a whole number"},
		{"{\"resources\":{\"gpu\":9007199254740993}}", "gpu must be"},
		{"{\"resources\":{\"a b\":1}}", "a name that no resource has"},
		{"{\"resources\":{\"\":1}}", "a name that no resource has"},
		{"{\"resources\":{\"9\":1}}", "a name that no resource has"},
		{"{\"resources\":{\"cpus\":1}}", "an option of its own"},
		{"{\"resources\":{\"memory\":1}}", "an option of its own"},
		{"{\"retries\":\"1\"}", "\"retries\""},
		{"{\"retries\":-1}", "\"retries\""},
		{"{\"retries\":1001}", "from 0 to 1000"},
		{"{\"time_limit\":-0.5}", "\"time_limit\""},
		{"{\"time_limit\":1e10}", "\"time_limit\""},
		{"{\"time_limit\":\"1s\"}", "number of seconds"},
		{"{\"priority\":1000001}", "\"priority\""},
	};

	(void)state;
	expect_refusals(row, ARRAY_SIZE(row));
}

static void test_failures_to_run_again_after(void **state)
{
	static const struct refusal row[] = {
		{"{\"retries\":1,\"retry_on\":[]}", "must not be empty"},
		{"{\"retries\":1,\"retry_on\":\"lost\"}", "\"exit N\""},
		{"{\"retries\":1,\"retry_on\":[75]}", "\"exit N\""},
		{"{\"retries\":1,\"retry_on\":[\"exit 0\"]}", "\"exit N\""},
		{"{\"retries\":1,\"retry_on\":[\"exit 256\"]}", "\"exit N\""},
		{"{\"retries\":1,\"retry_on\":[\"exit\"]}", "\"exit N\""},
		{"{\"retries\":1,\"retry_on\":[\"lost\\u0000\"]}", "\"exit N\""},
		{"{\"retry_on\":[\"lost\",\"exit 75\"]}", "needs \"retries\""},
		{"{\"retry_on\":[\"error\"]}", "needs \"retries\""},
	};

	(void)state;
	expect_refusals(row, ARRAY_SIZE(row));
}

static struct json_object *text_of(size_t n)
{
	char *p = xmalloc(n);
	struct json_object *s;

	memset(p, 'x', n);
	s = json_object_new_string_len(p, (int)n);
	free(p);
	return s;
}

static int check_one(const char *key, struct json_object *v)
{
	struct json_object *o = json_object_new_object();
	struct buf why = BUF_INIT;
	int err;

	json_add(o, key, v);
	err = task_options_check(o, &why);
	assert_int_equal(err != 0, why.n != 0);
	json_object_put(o);
	buf_done(&why);
	return err;
}

static void test_limits(void **state)
{
	struct json_object *a = json_object_new_array();
	int i;

	(void)state;
	assert_int_equal(check_one("code", text_of(LIMIT_CODE)), 0);
	assert_int_equal(check_one("code", text_of(LIMIT_CODE + 1)), -EFBIG);
	assert_int_equal(check_one("label", text_of(LIMIT_NAME)), 0);
	assert_int_equal(check_one("label", text_of(LIMIT_NAME + 1)), -EFBIG);
	assert_int_equal(check_one("cwd", text_of(PATH_MAX)), -EFBIG);
	for (i = 0; i < LIMIT_ARGS + 1; i++)
		json_push(a, json_object_new_string("x"));
	assert_int_equal(check_one("args", a), -EFBIG);
	a = json_object_new_array();
	for (i = 0; i < 2; i++)
		json_push(a, text_of(LIMIT_OPTIONS / 2));
	assert_int_equal(check_one("args", a), -EFBIG); /* all together */
}

static void test_names(void **state)
{
	static const char *const good[] = {"a", "1a", "a.b", "_", "-x", "+",
					   "\xf0\x9f\x90\xa7", "0x1", "New"};
	static const char *const bad[] = {"", ".", "..", "0", "123", "new",
					  "last", "error", "latest", "all",
					  "a/b", "a b", "a\n", "\xff", "a\x7f",
					  "*", "a:b", "\"", "$x", "a;b"};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		if (!task_name_ok(bytes_str(good[i])))
			fail_msg("%s refused", good[i]);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (task_name_ok(bytes_str(bad[i])))
			fail_msg("'%s' passed", bad[i]);
	assert_false(task_name_ok(bytes_of("a\0b", 3)));
	assert_false(task_name_ok(bytes_of(NULL, 0)));
}

static void test_show(void **state)
{
	static const struct {
		const char *option, *value, *text;
	} row[] = {
		{"code", "\"a\\u0000b\"", "a"}, /* checked below with length */
		{"args", "[\"x\",\"y z\"]", "x\ny z\n"},
		{"env", "{\"A\":\"1\",\"B\":\"\"}", "A=1\nB=\n"},
		{"targets", "[0,2]", "0\n2\n"},
		{"after", "[7,\"build\"]", "7\nbuild\n"},
		{"retries", "3", "3\n"},
		{"retry_on", "[\"lost\",\"exit 75\"]", "lost\nexit 75\n"},
		{"time_limit", "1.5", "1.5\n"},
		{"label", "\"x\"", "x\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct json_object *v = json_parse(bytes_str(row[i].value),
						   NULL);
		struct buf b = BUF_INIT;

		task_option_show(task_option_find(bytes_str(row[i].option)), v,
				 &b);
		if (i == 0)
			assert_bytes(buf_bytes(&b), bytes_of("a\0b", 3));
		else
			assert_text(buf_bytes(&b), row[i].text);
		json_object_put(v);
		buf_done(&b);
	}
}

/* What a file says, as JSON; NULL: it is refused, and *why names it. */
static void expect_parsed(const char *option, const char *text,
			  const char *want)
{
	const struct task_option *o = task_option_find(bytes_str(option));
	struct buf why = BUF_INIT;
	struct json_object *v = NULL;
	int err = task_option_parse(o, bytes_str(text), &v, &why);

	if (!want) {
		if (!err)
			fail_msg("%s '%s' passed", option, text);
		assert_non_null(strstr(buf_str(&why), option));
	} else if (err) {
		fail_msg("%s '%s': %s", option, text, buf_str(&why));
	} else {
		assert_text(json_bytes(v), want);
	}
	json_object_put(v);
	buf_done(&why);
}

static void test_lines_that_are_wrong(void **state)
{
	static const struct {
		const char *option;
		struct bytes text;
		const char *why;
	} row[] = {
		{"env", {"A\n", 2},
		 "\"env\": line 1 has no = in it; each is NAME=VALUE"},
		{"env", {"A=1\n\n=2", 7},
		 "\"env\": line 3 has no name before the ="},
		{"env", {"A=1\nB=\0\n", 8}, "\"env\": variable 2 has no = in it; each is NAME=VALUE"},
		{"args", {"a\nb\0\n", 5}, "\"args\": line 2 holds a NUL"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		const struct task_option *o =
			task_option_find(bytes_str(row[i].option));
		struct buf why = BUF_INIT;
		struct json_object *v;

		assert_int_equal(task_option_parse(o, row[i].text, &v, &why),
				 -EINVAL);
		assert_string_equal(buf_str(&why), row[i].why);
		buf_done(&why);
	}
}

static void test_parse(void **state)
{
	static const struct {
		const char *option, *text, *want;
	} row[] = {
		{"args", "a\nb c\n", "[\"a\",\"b c\"]"},
		{"args", "a\n\nb", "[\"a\",\"\",\"b\"]"},
		{"args", "[\"a\\nb\", \"c\"]\n",
		 "[\"[\\\"a\\\\nb\\\", \\\"c\\\"]\"]"},
		{"args", "[]", "[\"[]\"]"},
		{"args", "[a-z]\n", "[\"[a-z]\"]"},
		{"args", "[1]\n", "[\"[1]\"]"},
		{"args", "[\"a\"]\nb\n", "[\"[\\\"a\\\"]\",\"b\"]"},
		{"args", "\xff\na\n", "[{\"base64\":\"/w==\"},\"a\"]"},
		{"env", "A=\xff\n", "{\"A\":{\"base64\":\"/w==\"}}"},
		{"env", "\xff=A\n", NULL},
		{"cwd", "\xff", NULL},
		{"env", "A=1\nB=\nC=x=y\n",
		 "{\"A\":\"1\",\"B\":\"\",\"C\":\"x=y\"}"},
		{"env", "A\n", NULL},
		{"env", "=x\n", NULL},
		{"env", "A=1\n\nB=2\n", "{\"A\":\"1\",\"B\":\"2\"}"},
		{"cwd", "/tmp/a b\n", "\"/tmp/a b\""},
		{"cwd", "\n", NULL},
		{"label", "build\n", "\"build\""},
		{"label", "a b\n", NULL},
		{"targets", "0,2-3\n", "[0,2,3]"},
		{"targets", " 3 0\n1\n", "[3,0,1]"},
		{"targets", "0-1\n5", "[0,1,5]"},
		{"targets", "0 0", NULL},
		{"targets", "\n", NULL},
		{"targets", "0-99999999", NULL},
		{"targets", "[0]", NULL},
		{"after", "12 build:any\n7:error\n",
		 "[12,\"build:any\",\"7:error\"]"},
		{"after", "12:never", NULL},
		{"after", " ", NULL},
		{"follow", "a,b", "[\"a,b\"]"},
		{"retries", "3\n", "3"},
		{"retries", " 3 ", "3"},
		{"retries", "0x3", NULL},
		{"retry_on", "lost\nexit 75\n", "[\"lost\",\"exit 75\"]"},
		{"retry_on", "lost exit 75\n", NULL},
		{"retry_on", "\n", NULL},
		{"retries", "1001", NULL},
		{"retries", "99999999999999999999", NULL},
		{"priority", "-5\n", "-5"},
		{"priority", "-99999999999999999999", NULL},
		{"time_limit", "7.5\n", "7.5"},
		{"time_limit", "60\n", "60"},
		{"time_limit", "1e400", NULL},
		{"time_limit", "nan", NULL},
		{"timeout", "10s", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++)
		expect_parsed(row[i].option, row[i].text, row[i].want);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_the_table),
	cmocka_unit_test(test_what_needs_a_map),
	cmocka_unit_test(test_accepts),
	cmocka_unit_test(test_refuses_and_names_the_option),
	cmocka_unit_test(test_failures_to_run_again_after),
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_show),
	cmocka_unit_test(test_parse),
	cmocka_unit_test(test_lines_that_are_wrong),
};

UNIT_MAIN(tests)
