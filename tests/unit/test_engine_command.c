#include "tests/unit/unit.h"
#include "base/file.h"
#include "engine/command.h"

#include <sys/stat.h>

static char *const own_env[] = {
	(char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"HOME=/root",
	(char *)"TASKFS_ID=of another one", NULL,
};
static const char *const extra_env[] = {"TASKFS_ID", "7", NULL};

static struct command_spec spec_of(struct bytes code)
{
	return (struct command_spec){.code = code, .own_env = own_env,
				     .extra_env = extra_env};
}

static struct spool *spool(void)
{
	static struct spool s;

	s.dir = unit_dir();
	return &s;
}

static void prepare(struct command *c, const struct command_spec *s)
{
	struct buf why = BUF_INIT;

	assert_int_equal(command_init(c, s, spool(), &why), 0);
	assert_int_equal(why.n, 0);
	buf_done(&why);
}

/* want: words, the last one NULL. */
static void assert_argv(const struct command *c, const char *const *want)
{
	size_t i;

	for (i = 0; want[i]; i++) {
		assert_non_null(c->argv[i]);
		assert_string_equal(c->argv[i], want[i]);
	}
	assert_null(c->argv[i]);
}

static void test_ways(void **state)
{
	static const struct {
		const char *code;
		enum command_way way;
	} rows[] = {
		{"#!/bin/sh\nls", COMMAND_SCRIPT},
		{"#!", COMMAND_SCRIPT},
		{"hostname", COMMAND_DIRECT},
		{"hostname\n", COMMAND_DIRECT},
		{" ls -l /tmp\t--all \n\n", COMMAND_DIRECT},
		{"env A=b printenv A", COMMAND_DIRECT},
		{"/bin/ls a.c,b%d@e+f:g", COMMAND_DIRECT},
		{"s\303\251q 1", COMMAND_DIRECT},
		{"ls | wc", COMMAND_SHELL},
		{"ls *.c", COMMAND_SHELL},
		{"echo hi", COMMAND_SHELL},
		{":", COMMAND_SHELL},
		{"[ 1 = 1 ]", COMMAND_SHELL},
		{"test -e /", COMMAND_SHELL},
		{"if", COMMAND_SHELL},
		{"while", COMMAND_SHELL},
		{"exit 3", COMMAND_SHELL},
		{"A=b env", COMMAND_SHELL},
		{"ls 'a b'", COMMAND_SHELL},
		{"ls a\\ b", COMMAND_SHELL},
		{"ls ~", COMMAND_SHELL},
		{"ls $HOME", COMMAND_SHELL},
		{"ls # all", COMMAND_SHELL},
		{"ls\npwd", COMMAND_SHELL},
		{"ls\r\n", COMMAND_SHELL},
		{"sleep 1 &", COMMAND_SHELL},
		{"", COMMAND_SHELL},
		{" \n", COMMAND_SHELL},
		{"! ls", COMMAND_SHELL},
		{"{ ls", COMMAND_SHELL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (command_way(bytes_str(rows[i].code)) != rows[i].way)
			fail_msg("'%s' goes the wrong way", rows[i].code);
}

static void test_direct(void **state)
{
	static const char *const want[] = {"ls", "-l", "/tmp", NULL};
	static const char *const shell[] = {"sh", "-c", " ls -l\t/tmp \n",
					    NULL};
	struct command_spec s = spec_of(bytes_str(" ls -l\t/tmp \n"));
	struct command c;

	(void)state;
	prepare(&c, &s);
	assert_int_equal(c.way, COMMAND_DIRECT);
	assert_non_null(strstr(c.path, "/bin/ls"));
	assert_argv(&c, want);
	/* When that cannot be executed, the shell says why. */
	assert_true(command_next(&c, -EACCES));
	assert_string_equal(c.path, "/bin/sh");
	assert_argv(&c, shell);
	assert_false(command_next(&c, -ENOENT));
	command_done(&c);
}

static void test_no_such_program(void **state)
{
	static const char *const want[] = {"sh", "-c", "no-such-program x",
					   NULL};
	struct command_spec s = spec_of(bytes_str("no-such-program x"));
	struct command c;

	(void)state;
	prepare(&c, &s);
	assert_int_equal(c.way, COMMAND_SHELL);
	assert_argv(&c, want);
	command_done(&c);
}

static void test_arguments(void **state)
{
	static const char *const want[] = {"sh", "-c", "ls", "sh", "item",
					   "", "a", "b c", NULL};
	struct command_spec s = spec_of(bytes_str("ls"));
	struct command c;

	(void)state;
	s.items = bytes_of("item\0", 6);
	s.args = json_parse(bytes_str("[\"a\", \"b c\"]"), NULL);
	prepare(&c, &s);
	assert_argv(&c, want);
	command_done(&c);
	json_object_put(s.args);
}

static bool has_env(const struct command *c, const char *entry)
{
	size_t i;

	for (i = 0; c->envp[i]; i++)
		if (strcmp(c->envp[i], entry) == 0)
			return true;
	return false;
}

static void test_environment(void **state)
{
	struct command_spec s = spec_of(bytes_str("ls"));
	struct command c;
	size_t n = 0;

	(void)state;
	s.cwd = "/tmp";
	s.env = json_parse(bytes_str("{\"HOME\": \"/h\", \"NEW\": \"a=b\", "
				     "\"TASKFS_ID\": \"mine\"}"), NULL);
	prepare(&c, &s);
	while (c.envp[n])
		n++;
	assert_int_equal(n, 5);
	assert_true(has_env(&c, own_env[0]));
	assert_true(has_env(&c, "HOME=/h"));
	assert_true(has_env(&c, "NEW=a=b"));
	assert_true(has_env(&c, "PWD=/tmp"));
	assert_true(has_env(&c, "TASKFS_ID=7"));
	command_done(&c);
	json_object_put(s.env);
}

static void test_script(void **state)
{
	static const char *const want[] = {"/bin/cat", "-n -e", NULL};
	struct bytes code = bytes_of("#! /bin/cat  -n -e \n\0\xff", 22);
	struct command_spec s = spec_of(code);
	struct buf text = BUF_INIT;
	struct stat st;
	struct command c;
	char *script;

	(void)state;
	prepare(&c, &s);
	assert_int_equal(c.way, COMMAND_SCRIPT);
	assert_string_equal(c.path, c.script);
	assert_string_equal(c.argv[0], c.script);
	assert_null(c.argv[1]);
	assert_int_equal(stat(c.script, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_read(c.script, 100, &text), 0);
	assert_bytes(buf_bytes(&text), code);
	buf_done(&text);
	/* Where nothing may be executed, the interpreter gets it. */
	script = xstrdup(c.script);
	assert_true(command_next(&c, -EACCES));
	assert_int_equal(c.way, COMMAND_INTERPRETER);
	assert_string_equal(c.path, want[0]);
	assert_string_equal(c.argv[1], want[1]);
	assert_string_equal(c.argv[2], script);
	assert_null(c.argv[3]);
	assert_false(command_next(&c, -EACCES));
	command_done(&c);
	assert_int_equal(access(script, F_OK), -1);
	free(script);
}

static void test_long_code(void **state)
{
	size_t n = 200 * 1024;
	char *code = xmalloc(n);
	struct command_spec s = spec_of(bytes_of(code, n));
	struct command c;

	(void)state;
	memset(code, 'x', n);
	prepare(&c, &s);
	assert_int_equal(c.way, COMMAND_SHELL_FILE);
	assert_string_equal(c.path, "/bin/sh");
	assert_string_equal(c.argv[0], "sh");
	assert_string_equal(c.argv[1], c.script);
	assert_null(c.argv[2]);
	assert_false(command_next(&c, -ENOENT));
	command_done(&c);
	free(code);
}

static void refused(const struct command_spec *s, const char *reason)
{
	struct buf why = BUF_INIT;
	struct command c;

	assert_int_equal(command_init(&c, s, spool(), &why), -EINVAL);
	assert_non_null(strstr(buf_str(&why), reason));
	command_done(&c);
	buf_done(&why);
}

static void test_refused(void **state)
{
	struct command_spec s = spec_of(bytes_of("ls\0x", 4));

	(void)state;
	refused(&s, "NUL");
	s.code = bytes_str("ls");
	s.items = bytes_str("item");
	refused(&s, "items");
	s.items.n = 0;
	s.args = json_parse(bytes_str("[\"a\\u0000b\"]"), NULL);
	refused(&s, "\"args\"");
	json_object_put(s.args);
	s.args = json_parse(bytes_str("[1]"), NULL);
	refused(&s, "\"args\"");
	json_object_put(s.args);
	s.args = NULL;
	s.env = json_parse(bytes_str("{\"A=B\": \"c\"}"), NULL);
	refused(&s, "\"env\"");
	json_object_put(s.env);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_ways),
	cmocka_unit_test(test_direct),
	cmocka_unit_test(test_no_such_program),
	cmocka_unit_test(test_arguments),
	cmocka_unit_test(test_environment),
	cmocka_unit_test(test_script),
	cmocka_unit_test(test_long_code),
	cmocka_unit_test(test_refused),
};

UNIT_MAIN(tests)
