#include "tests/unit/unit.h"
#include "base/opt.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>

struct config {
	bool foreground;
	const char *dir;
	uint64_t count, size, usec;
	int called;
};

static int call(void *config, const char *value)
{
	struct config *c = config;

	if (strcmp(value, "bad") == 0)
		return -EINVAL;
	c->called++;
	return 0;
}

static const struct opt opts[] = {
	{"foreground", 'f', NULL, OPT_FLAG,
	 offsetof(struct config, foreground), .help = "stay"},
	{"dir", 'D', "DIR", OPT_TEXT, offsetof(struct config, dir), "/tmp",
	 .help = "where"},
	{"count", 'n', "N", OPT_COUNT, offsetof(struct config, count), "3", 1,
	 10, .help = "how many"},
	{"size", 0, "BYTES", OPT_SIZE, offsetof(struct config, size), "1K", 0,
	 1 << 20, .help = "how big"},
	{"ping", 0, "TIME", OPT_DURATION, offsetof(struct config, usec), "3s",
	 1000, 60000000, .help = "how often"},
	{"call", 0, "X", OPT_CALL, .call = call, .help = "a function"},
	{.name = NULL},
};

static const struct opt_alias aliases[] = {
	{.word = "where", .option = "dir"},
	{.word = "Thing.where", .option = "dir"},
	{.word = "stay", .option = "foreground", .value = "yes"},
	{.word = "*.any", .option = "count"},
	{.word = "lost", .value = "", .why = "it is lost"},
	{.word = "quiet", .value = ""},
	{.word = "quiet-too"},
	{.word = NULL},
};

static const struct program program = {
	.name = "prog",
	.usage = "SOURCE [OPTION]...",
	.about = "Does nothing.",
	.more = "More text.\n",
	.opts = opts,
	.min_args = 1,
	.max_args = 2,
	.aliases = aliases,
};

struct outcome {
	struct config c;
	const char *args[2];
	unsigned n;
	int code, err;
	char out[4096], err_text[4096]; /* what was printed */
};

static void redirect(int fd, const char *path, int *ret_saved)
{
	int to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(to >= 0);
	*ret_saved = dup(fd);
	dup2(to, fd);
	close(to);
}

static void restore(int fd, int saved, char *text, size_t room)
{
	ssize_t n = pread(fd, text, room - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	dup2(saved, fd);
	close(saved);
}

/* Parses a command line (NULL ends it) with both outputs caught. */
static struct outcome parse(char *first, ...)
{
	char *argv[16] = {(char *)"prog", first};
	struct outcome o = {.code = -1};
	int argc = 1, out, err;
	va_list ap;

	va_start(ap, first);
	while (argv[argc])
		argv[++argc] = va_arg(ap, char *);
	va_end(ap);
	fflush(stdout);
	redirect(1, unit_path("out"), &out);
	redirect(2, unit_path("err"), &err);
	o.err = opt_parse(&program, argc, argv, &o.c, o.args, &o.n, &o.code);
	restore(1, out, o.out, sizeof(o.out));
	restore(2, err, o.err_text, sizeof(o.err_text));
	return o;
}

#define END ((char *)NULL)
#define A(s) ((char *)(s))

static void test_defaults(void **state)
{
	struct outcome o = parse(A("src"), END);

	(void)state;
	assert_int_equal(o.err, 0);
	assert_false(o.c.foreground);
	assert_string_equal(o.c.dir, "/tmp");
	assert_int_equal(o.c.count, 3);
	assert_int_equal(o.c.size, 1024);
	assert_int_equal(o.c.usec, 3000000);
	assert_int_equal(o.n, 1);
	assert_string_equal(o.args[0], "src");
}

static void test_all_spellings_of_a_value(void **state)
{
	struct outcome o;

	(void)state;
	o = parse(A("--count"), A("7"), A("src"), END);
	assert_int_equal(o.c.count, 7);
	o = parse(A("--count=7"), A("src"), END);
	assert_int_equal(o.c.count, 7);
	o = parse(A("-n"), A("7"), A("src"), END);
	assert_int_equal(o.c.count, 7);
	o = parse(A("-n7"), A("src"), END);
	assert_int_equal(o.c.count, 7);
	o = parse(A("src"), A("--size=2K"), A("--ping=250ms"), END);
	assert_int_equal(o.c.size, 2048);
	assert_int_equal(o.c.usec, 250000);
	o = parse(A("src"), A("--dir="), END);
	assert_int_equal(o.err, 0);
	assert_string_equal(o.c.dir, "");
}

static void test_flags(void **state)
{
	struct outcome o;

	(void)state;
	o = parse(A("-f"), A("src"), END);
	assert_true(o.c.foreground);
	assert_int_equal(o.n, 1);
	o = parse(A("--foreground"), A("src"), END);
	assert_true(o.c.foreground);
	o = parse(A("--foreground=no"), A("src"), END);
	assert_false(o.c.foreground);
	o = parse(A("--foreground=maybe"), A("src"), END);
	assert_int_equal(o.code, EXIT_USAGE);
}

static void test_words(void **state)
{
	struct outcome o;

	(void)state;
	o = parse(A("a"), A("-f"), A("b"), END);
	assert_int_equal(o.n, 2);
	assert_string_equal(o.args[1], "b");
	o = parse(A("--"), A("-f"), A("--dir"), END);
	assert_int_equal(o.err, 0);
	assert_string_equal(o.args[0], "-f");
	assert_string_equal(o.args[1], "--dir");
	o = parse(A("-"), END);
	assert_int_equal(o.err, 0);
	assert_string_equal(o.args[0], "-");
}

/* One line that names the option, what is wrong with it, and --help. */
static void assert_complains(struct outcome o, const char *about)
{
	assert_true(o.err < 0);
	assert_int_equal(o.code, EXIT_USAGE);
	assert_string_equal(o.out, "");
	if (!strstr(o.err_text, about) || !strstr(o.err_text, "prog --help"))
		fail_msg("'%s' does not say '%s'", o.err_text, about);
	assert_ptr_equal(strchr(o.err_text, '\n'),
			 o.err_text + strlen(o.err_text) - 1);
}

static void test_mistakes(void **state)
{
	(void)state;
	assert_complains(parse(END), "usage: prog SOURCE");
	assert_complains(parse(A("a"), A("b"), A("c"), END), "'c'");
	assert_complains(parse(A("a"), A("--nope"), END), "--nope");
	assert_complains(parse(A("--nope"), A("--count=1"), A("a"), END),
			 "--nope");
	assert_complains(parse(A("-x"), A("a"), END), "-x");
	assert_complains(parse(A("a"), A("--count"), END), "needs a value");
	assert_complains(parse(A("a"), A("--count=x"), END), "'x'");
	assert_complains(parse(A("a"), A("--count="), END), "''");
	assert_complains(parse(A("a"), A("--count=11"), END), "out of range");
	assert_complains(parse(A("a"), A("--count=0"), END), "out of range");
	assert_complains(parse(A("a"), A("--size=1G"), END), "out of range");
	assert_complains(parse(A("a"), A("--ping=1us"), END), "out of range");
	assert_complains(parse(A("a"), A("--call=bad"), END), "'bad'");
}

static void test_functions(void **state)
{
	struct outcome o;

	(void)state;
	o = parse(A("a"), A("--call"), A("x"), A("--call=y"), END);
	assert_int_equal(o.c.called, 2);
}

static void test_words_of_others(void **state)
{
	struct outcome o;

	(void)state;
	o = parse(A("--where=/a"), A("src"), END);
	assert_string_equal(o.c.dir, "/a");
	o = parse(A("--Thing.where"), A(""), A("src"), END);
	assert_string_equal(o.c.dir, "");
	o = parse(A("--stay"), A("src"), END);
	assert_true(o.c.foreground);
	o = parse(A("--stay=False"), A("src"), END);
	assert_false(o.c.foreground);
	o = parse(A("--A.any=4"), A("src"), A("--B.any"), A("5"), END);
	assert_int_equal(o.c.count, 5);
	assert_int_equal(o.n, 1);
	o = parse(A("--quiet"), A("--quiet-too"), A("x"), A("src"), END);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.n, 1);
	assert_string_equal(o.err_text, "");
	assert_complains(parse(A("src"), A("--A.any=11"), END), "out of range");
	assert_complains(parse(A("src"), A("--where"), END), "needs a value");
	assert_complains(parse(A("src"), A("--any"), END), "no option");
}

static void test_what_is_passed_over(void **state)
{
	struct outcome o = parse(A("--lost"), A("src"), END);

	(void)state;
	assert_int_equal(o.err, 0);
	assert_non_null(strstr(o.err_text, "--lost is passed over: it is"));
	o = parse(A("--No.such=1"), A("src"), END);
	assert_int_equal(o.err, 0);
	assert_non_null(strstr(o.err_text, "--No.such=1 is passed over"));
	o = parse(A("--any=1"), A("src"), END);
	assert_int_equal(o.err, 0);
	assert_non_null(strstr(o.err_text, "--any=1 is passed over"));
	o = parse(A("--any"), A("1"), A("src"), END);
	assert_int_equal(o.n, 1);
	assert_non_null(strstr(o.err_text, "--any is passed over"));
	o = parse(A("--No.such"), A("1"), A("src"), END);
	assert_int_equal(o.n, 1);
	o = parse(A("--No.such"), A("--foreground"), A("src"), END);
	assert_true(o.c.foreground);
}

static void test_help_and_version(void **state)
{
	struct outcome o = parse(A("--help"), END);

	(void)state;
	assert_int_equal(o.code, EXIT_OK);
	assert_non_null(strstr(o.out, "Usage: prog SOURCE"));
	assert_non_null(strstr(o.out, "-n, --count=N"));
	assert_non_null(strstr(o.out, "how often [3s]"));
	assert_non_null(strstr(o.out, "--version"));
	assert_non_null(strstr(o.out, "More text."));
	assert_string_equal(o.err_text, "");

	o = parse(A("-V"), END);
	assert_int_equal(o.code, EXIT_OK);
	assert_string_equal(o.out, "prog " TASKFS_VERSION "\n");
}

static void test_set_by_name(void **state)
{
	struct config c = {0};

	(void)state;
	assert_int_equal(opt_set(&program, &c, "count", "5"), 0);
	assert_int_equal(c.count, 5);
	assert_int_equal(opt_set(&program, &c, "count", "50"), -ERANGE);
	assert_int_equal(opt_set(&program, &c, "coun", "5"), -ENOENT);
	assert_int_equal(opt_set(&program, &c, "foreground", "1"), 0);
	assert_true(c.foreground);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_defaults),
	cmocka_unit_test(test_all_spellings_of_a_value),
	cmocka_unit_test(test_flags),
	cmocka_unit_test(test_words),
	cmocka_unit_test(test_mistakes),
	cmocka_unit_test(test_functions),
	cmocka_unit_test(test_words_of_others),
	cmocka_unit_test(test_what_is_passed_over),
	cmocka_unit_test(test_help_and_version),
	cmocka_unit_test(test_set_by_name),
};

UNIT_MAIN(tests)
