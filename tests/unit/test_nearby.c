#include "tests/unit/unit.h"
#include "wire/nearby.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

static char *made(const char *name)
{
	char *path = xasprintf("%s/%s", unit_dir(), name);

	assert_int_equal(mkdir(path, 0700), 0);
	return path;
}

static int file(const char *outputs, const char *name)
{
	char *path = xasprintf("%s/" NEARBY_ENGINES "/%s", outputs, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	free(path);
	return fd;
}

static bool is_there(const char *outputs, const char *name)
{
	char *path = xasprintf("%s/" NEARBY_ENGINES "/%s", outputs, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static void test_only_that_instance_is_found(void **state)
{
	char *path = made("one");
	int dir;

	(void)state;
	assert_int_equal(nearby_open(path, "a-1"), -ENOENT);
	assert_int_equal(nearby_show(path, "a-1"), 0);
	dir = nearby_open(path, "a-1");
	assert_true(dir > 0);
	close(dir);
	assert_int_equal(nearby_open(path, "a-2"), -ENOENT);
	assert_int_equal(nearby_open(path, "x/../here-a-1"), -ENOENT);
	/* The next start of that controller. */
	assert_int_equal(nearby_show(path, "a-2"), 0);
	assert_int_equal(nearby_open(path, "a-1"), -ENOENT);
	dir = nearby_open(path, "a-2");
	assert_true(dir > 0);
	close(dir);
	free(path);
}

static void test_a_directory_of_others_is_none(void **state)
{
	char *path = made("two"), *link = xasprintf("%s/link", unit_dir());

	(void)state;
	assert_int_equal(nearby_show(path, "a"), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_true(nearby_open(link, "a") < 0);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(nearby_open(path, "a"), -EPERM);
	free(path);
	free(link);
}

static void test_what_is_in_use_stays(void **state)
{
	char *path = made("three");
	int used, left;

	(void)state;
	assert_int_equal(nearby_show(path, "a"), 0);
	used = file(path, "engine-1");
	left = file(path, "engine-2");
	assert_int_equal(flock(used, LOCK_SH), 0);
	close(left);
	nearby_sweep(path);
	assert_true(is_there(path, "engine-1"));
	assert_false(is_there(path, "engine-2"));
	assert_true(is_there(path, "here-a"));
	assert_int_equal(nearby_show(path, "b"), 0);
	assert_true(is_there(path, "engine-1"));
	close(used);
	nearby_sweep(path);
	assert_false(is_there(path, "engine-1"));
	free(path);
}

static void test_names(void **state)
{
	char name[NEARBY_NAME];

	(void)state;
	nearby_output(name, 7, 3, STREAM_STDERR);
	assert_text(bytes_str(name), "7.3.stderr");
	assert_true(nearby_name_valid("0123abcd-9"));
	assert_false(nearby_name_valid(""));
	assert_false(nearby_name_valid("../tasks.db"));
	assert_false(nearby_name_valid("a/b"));
	assert_false(nearby_name_valid(".new"));
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_true(nearby_name_valid(name));
	{
		char longer[NEARBY_NAME + 1];

		memset(longer, 'a', sizeof(longer) - 1);
		longer[sizeof(longer) - 1] = '\0';
		assert_false(nearby_name_valid(longer));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_only_that_instance_is_found),
	cmocka_unit_test(test_a_directory_of_others_is_none),
	cmocka_unit_test(test_what_is_in_use_stays),
	cmocka_unit_test(test_names),
};

UNIT_MAIN(tests)
