#include "tests/unit/unit.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/spool.h"

#include <fcntl.h>
#include <sys/stat.h>

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void test_private_and_removed(void **state)
{
	struct spool s = {0};
	struct stat st;
	char *dir, *script;
	int lock, fd;

	(void)state;
	assert_int_equal(spool_make(unit_dir(), &dir, &lock), 0);
	assert_int_equal(dir[0], '/');
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	s.dir = dir;
	fd = spool_file(&s);
	assert_true(fd > 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	close(fd);
	assert_int_equal(spool_script(&s, bytes_str("#!/bin/sh\n"), &script),
			 0);
	assert_int_equal(access(script, X_OK), 0);
	assert_int_equal(spool_remove(dir), 0);
	assert_false(is_there(script));
	assert_false(is_there(dir));
	assert_int_equal(spool_remove(dir), 0);
	free(script);
	free(dir);
	close(lock);
}

/* What tasks may leave among the variables, as who is not root. */
static void test_whatever_is_in_it(void **state)
{
	bool root = geteuid() == 0;
	char *dir, *deep, *path;
	int lock;

	(void)state;
	if (root) {
		assert_int_equal(chmod(unit_dir(), 0777), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	assert_int_equal(spool_make(unit_dir(), &dir, &lock), 0);
	deep = xasprintf("%s/vars/a/b", dir);
	assert_int_equal(file_mkdirs(deep, 0700), 0);
	path = xasprintf("%s/link", deep);
	assert_int_equal(symlink("/etc", path), 0);
	free(path);
	path = xasprintf("%s/file", deep);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400));
	assert_int_equal(chmod(deep, 0500), 0);
	deep[strlen(deep) - 2] = '\0';
	assert_int_equal(chmod(deep, 0), 0);
	assert_int_equal(spool_remove(dir), 0);
	assert_false(is_there(dir));
	assert_true(is_there("/etc/passwd"));
	if (root)
		assert_int_equal(seteuid(0), 0);
	close(lock);
	free(path);
	free(deep);
	free(dir);
}

static void test_no_place(void **state)
{
	char *dir;
	int lock;

	(void)state;
	assert_true(spool_make("/proc/nothing", &dir, &lock) < 0);
}

/* What killed engines leave goes with the next start; nothing else does. */
static void test_left_behind(void **state)
{
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char *used, *left, *fresh, *next;
	int used_lock, left_lock, fresh_lock, next_lock;

	(void)state;
	assert_int_equal(spool_make(unit_dir(), &used, &used_lock), 0);
	assert_int_equal(spool_make(unit_dir(), &left, &left_lock), 0);
	assert_int_equal(spool_make(unit_dir(), &fresh, &fresh_lock), 0);
	close(left_lock);
	close(fresh_lock);
	assert_int_equal(utimensat(AT_FDCWD, used, old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, left, old, 0), 0);
	assert_int_equal(spool_make(unit_dir(), &next, &next_lock), 0);
	assert_true(is_there(used));
	assert_true(is_there(fresh));
	assert_true(is_there(next));
	assert_false(is_there(left));
	close(used_lock);
	close(next_lock);
	free(used);
	free(left);
	free(fresh);
	free(next);
}

static void test_made_anew(void **state)
{
	struct spool s = {0};
	struct stat st;
	char *dir;
	int lock, fd;

	(void)state;
	log_init("test", -1, LOG_ERROR);
	assert_int_equal(spool_make(unit_dir(), &dir, &lock), 0);
	s.dir = dir;
	assert_int_equal(spool_ensure(&s), 0);
	assert_int_equal(s.lock, 0);
	assert_int_equal(rmdir(dir), 0);
	fd = spool_file(&s);
	assert_true(fd > 0);
	close(fd);
	assert_true(s.lock > 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* A link that somebody planted is not followed. */
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(symlink("/tmp", dir), 0);
	assert_int_equal(spool_file(&s), -EPERM);
	assert_int_equal(spool_remove(dir), -EPERM);
	assert_int_equal(unlink(dir), 0);
	/* Nor is a directory of somebody else's used. */
	if (geteuid() == 0) {
		assert_int_equal(mkdir(dir, 0777), 0);
		assert_int_equal(chown(dir, 65534, 65534), 0);
		assert_int_equal(spool_file(&s), -EPERM);
		assert_int_equal(spool_remove(dir), -EPERM);
		assert_int_equal(rmdir(dir), 0);
	}
	close(s.lock);
	close(lock);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_private_and_removed),
	cmocka_unit_test(test_whatever_is_in_it),
	cmocka_unit_test(test_no_place),
	cmocka_unit_test(test_left_behind),
	cmocka_unit_test(test_made_anew),
};

UNIT_MAIN(tests)
