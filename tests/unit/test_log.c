#include "tests/unit/unit.h"
#include "base/log.h"

#include <fcntl.h>

static int pipes[2];

static int setup(void **state)
{
	(void)state;
	if (pipe2(pipes, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	log_init("prog", pipes[1], LOG_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(pipes[0]);
	close(pipes[1]);
	return 0;
}

/* The next lines written, parsed: one object. The caller puts it. */
static struct json_object *line(void)
{
	char text[65536];
	ssize_t n = read(pipes[0], text, sizeof(text));
	struct json_object *o;

	assert_true(n > 0);
	assert_int_equal(text[n - 1], '\n');
	assert_null(memchr(text, '\n', (size_t)n - 1));
	o = json_parse(bytes_of(text, (size_t)n), NULL);
	assert_non_null(o);
	return o;
}

static void test_a_line_is_one_json_object(void **state)
{
	struct json_object *o;

	(void)state;
	log_info("engine registered", log_int("id", -3),
		 log_str("host", "a\"b\\c"), log_real("load", 0.5),
		 log_str("none", NULL));
	o = line();
	assert_string_equal(json_get_str(o, "level", NULL), "info");
	assert_string_equal(json_get_str(o, "program", NULL), "prog");
	assert_string_equal(json_get_str(o, "what", NULL), "engine registered");
	assert_int_equal(json_int_or(o, "pid", 0), getpid());
	assert_int_equal(json_int_or(o, "id", 0), -3);
	assert_string_equal(json_get_str(o, "host", NULL), "a\"b\\c");
	assert_string_equal(json_get_str(o, "none", NULL), "");
	assert_int_equal(strlen(json_get_str(o, "time", NULL)), 27);
	json_object_put(o);
}

static void test_foreign_text_cannot_break_a_line(void **state)
{
	struct json_object *o;
	size_t n;

	(void)state;
	log_warning("dropped", log_bytes("text",
					 bytes_of("x\n\"}\0\x1b\xff y", 9)));
	o = line();
	assert_string_equal(json_get_str(o, "level", NULL), "warning");
	assert_memory_equal(json_get_str(o, "text", &n),
			    "x\n\"}\0\x1b\xef\xbf\xbd y", 11);
	assert_int_equal(n, 11);
	json_object_put(o);
}

static void test_long_text_is_cut(void **state)
{
	char text[5000];
	struct json_object *o;
	size_t n;

	(void)state;
	memset(text, 'x', sizeof(text));
	log_error("long", log_bytes("text", bytes_of(text, sizeof(text))));
	o = line();
	assert_string_equal(json_get_str(o, "text", &n) + n - 4, "x...");
	assert_true(n < 2100);
	json_object_put(o);
}

static unsigned evaluated;

static const char *costly(void)
{
	evaluated++;
	return "";
}

static void test_levels(void **state)
{
	char c;

	(void)state;
	evaluated = 0;
	log_debug("not shown", log_str("x", costly()));
	assert_int_equal(evaluated, 0);
	assert_int_equal(read(pipes[0], &c, 1), -1);
	log_set_level(LOG_DEBUG);
	assert_true(log_enabled(LOG_DEBUG));
	log_debug("shown", log_str("x", costly()));
	assert_int_equal(evaluated, 1);
	json_object_put(line());
	log_set_level(LOG_ERROR);
	log_warning("not shown");
	assert_int_equal(read(pipes[0], &c, 1), -1);
}

static void test_level_names(void **state)
{
	static const struct {
		const char *text;
		int err;
		enum log_level level;
	} row[] = {
		{"debug", 0, LOG_DEBUG},   {"INFO", 0, LOG_INFO},
		{"Warning", 0, LOG_WARNING}, {"error", 0, LOG_ERROR},
		{"10", 0, LOG_DEBUG},	   {"20", 0, LOG_INFO},
		{"30", 0, LOG_WARNING},	   {"40", 0, LOG_ERROR},
		{"50", 0, LOG_ERROR},	   {"51", -EINVAL, LOG_DEBUG},
		{"", -EINVAL, LOG_DEBUG},  {"loud", -EINVAL, LOG_DEBUG},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		enum log_level l = LOG_DEBUG;

		assert_int_equal(log_parse_level(bytes_str(row[i].text), &l),
				 row[i].err);
		assert_int_equal(l, row[i].level);
	}
}

/* A full pipe blocks nobody; what was lost is told. */
static void test_lost_lines_are_counted(void **state)
{
	char text[65536];
	struct json_object *o;
	int i;

	(void)state;
	while (write(pipes[1], text, sizeof(text)) > 0)
		;
	while (write(pipes[1], text, 1) > 0)
		;
	for (i = 0; i < 5; i++)
		log_info("lost");
	while (read(pipes[0], text, sizeof(text)) > 0)
		;
	log_info("after");
	o = line();
	assert_int_equal(json_int_or(o, "lost_lines", 0), 5);
	json_object_put(o);
	log_info("again");
	o = line();
	assert_null(json_get(o, "lost_lines"));
	json_object_put(o);
}

static void test_rate_limit(void **state)
{
	struct log_limit l = {0};
	unsigned skipped = 9, i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_true(log_allowed(&l, 3, USEC_PER_SEC * 3600, &skipped));
		assert_int_equal(skipped, 0);
	}
	for (i = 0; i < 7; i++)
		assert_false(log_allowed(&l, 3, USEC_PER_SEC * 3600, &skipped));
	/* The time is over: told once how many there were. */
	assert_true(log_allowed(&l, 3, 0, &skipped));
	assert_int_equal(skipped, 7);
	assert_true(log_allowed(&l, 3, USEC_PER_SEC * 3600, &skipped));
	assert_int_equal(skipped, 0);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	LOG_TEST(test_a_line_is_one_json_object),
	LOG_TEST(test_foreign_text_cannot_break_a_line),
	LOG_TEST(test_long_text_is_cut),
	LOG_TEST(test_levels),
	LOG_TEST(test_level_names),
	LOG_TEST(test_lost_lines_are_counted),
	LOG_TEST(test_rate_limit),
};

UNIT_MAIN(tests)
