#include "tests/unit/unit.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static unsigned entries(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_write_and_read_back(void **state)
{
	const char *path = unit_path("value");
	struct buf b = BUF_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(file_write_atomic(path, 0600, bytes_of("a\0b\n", 4)),
			 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(path, 4, &b), 0);
	assert_bytes(buf_bytes(&b), bytes_of("a\0b\n", 4));
	buf_done(&b);
	assert_int_equal(unlink(path), 0);
}

static void test_read_appends_within_its_limit(void **state)
{
	const char *path = unit_path("five");
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(file_write_atomic(path, 0600, bytes_str("12345")), 0);
	buf_puts(&b, "kept ");
	assert_int_equal(file_read(path, 5, &b), 0);
	assert_text(buf_bytes(&b), "kept 12345");
	buf_clear(&b);
	assert_int_equal(file_read(path, 4, &b), -EFBIG);
	buf_done(&b);
	unlink(path);
}

static void test_read_of_what_is_not_there(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(file_read("/no/such", 10, &b), -ENOENT);
	assert_int_equal(file_read("/", 10, &b), -EISDIR);
	assert_int_equal(b.n, 0);
	buf_done(&b);
}

/* The mode is the one asked for whatever umask is; nothing is left behind. */
static void test_replaces_as_a_whole(void **state)
{
	const char *dir = unit_path("atomic");
	mode_t mask = umask(077);
	struct buf b = BUF_INIT;
	struct stat st;
	char *path;

	(void)state;
	assert_int_equal(file_mkdirs(dir, 0700), 0);
	path = xasprintf("%s/f", dir);
	assert_int_equal(file_write_atomic(path, 0644, bytes_str("old")), 0);
	assert_int_equal(file_write_atomic(path, 0640, bytes_str("new")), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_read(path, 10, &b), 0);
	assert_text(buf_bytes(&b), "new");
	assert_int_equal(entries(dir), 1);
	umask(mask);
	free(path);
	buf_done(&b);
}

static void test_a_failed_write_leaves_nothing(void **state)
{
	char *dir = xstrdup(unit_path("failed"));
	char *target = xasprintf("%s/target", dir);

	(void)state;
	assert_int_equal(file_mkdirs(target, 0700), 0);
	/* A directory cannot be renamed over. */
	assert_int_equal(file_write_atomic(target, 0600, bytes_str("x")),
			 -EISDIR);
	assert_int_equal(entries(dir), 1);
	assert_int_equal(file_write_atomic("/no/such/file", 0600,
					   bytes_str("x")),
			 -ENOENT);
	free(target);
	free(dir);
}

static void test_mkdirs(void **state)
{
	char *deep = xstrdup(unit_path("a/b/c"));
	char *below = xasprintf("%s/f/g", deep);
	char *file = xasprintf("%s/f", deep);
	struct stat st;

	(void)state;
	assert_int_equal(file_mkdirs(deep, 0700), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_mkdirs(deep, 0700), 0); /* there already */
	assert_int_equal(file_write_atomic(file, 0600, bytes_str("")), 0);
	assert_int_equal(file_mkdirs(file, 0700), -ENOTDIR);
	assert_int_equal(file_mkdirs(below, 0700), -ENOTDIR);
	free(below);
	free(file);
	free(deep);
}

static void test_write_all(void **state)
{
	char big[100000], back[sizeof(big)];
	int fd = open(unit_path("all"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)i;
	assert_int_equal(file_write_all(fd, bytes_of(big, sizeof(big))), 0);
	assert_int_equal(pread(fd, back, sizeof(back), 0), sizeof(back));
	assert_memory_equal(big, back, sizeof(big));
	close(fd);
	assert_int_equal(file_write_all(fd, bytes_str("x")), -EBADF);
	fd = open("/dev/full", O_WRONLY);
	assert_int_equal(file_write_all(fd, bytes_str("x")), -ENOSPC);
	close(fd);
}

static void refused(const char *path, const char *want)
{
	const char *why;

	assert_true(file_open_log(path, &why) < 0);
	assert_non_null(strstr(why, want));
}

static void test_logs(void **state)
{
	char *path = xstrdup(unit_path("log")), *other;
	const char *why;
	struct stat st;
	int fd;

	(void)state;
	fd = file_open_log(path, &why);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
	/* One of before that everybody can read. */
	assert_int_equal(chmod(path, 0644), 0);
	fd = file_open_log(path, &why);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
	fd = file_open_log("/dev/null", &why);
	assert_true(fd >= 0);
	close(fd);
	other = xstrdup(unit_path("other"));
	assert_int_equal(link(path, other), 0);
	refused(other, "another name");
	assert_int_equal(unlink(other), 0);
	assert_int_equal(symlink(path, other), 0);
	refused(other, "it is a link");
	assert_int_equal(unlink(other), 0);
	assert_int_equal(mkfifo(other, 0600), 0);
	refused(other, "no plain file");
	fd = open(other, O_RDWR | O_CLOEXEC);
	refused(other, "no plain file");
	close(fd);
	refused(unit_dir(), "directory");
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		refused(path, "another user");
	}
	assert_int_equal(unlink(other), 0);
	assert_int_equal(unlink(path), 0);
	free(other);
	free(path);
}

static void test_whose_directories(void **state)
{
	const char *dir = unit_path("dir");

	(void)state;
	assert_int_equal(file_check_dir(dir), -ENOENT);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(file_check_dir(dir), 0);
	assert_int_equal(file_check_dir("/usr"), 0);
	assert_int_equal(file_check_dir("/dev/null"), -ENOTDIR);
	assert_int_equal(chmod(dir, 01777), 0);
	assert_int_equal(file_check_dir(dir), -EPERM);
	assert_int_equal(chmod(dir, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(dir, 65534, 65534), 0);
		assert_int_equal(file_check_dir(dir), -EPERM);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void test_locks(void **state)
{
	const char *path = unit_path("lock");
	int fd, again;

	(void)state;
	assert_int_equal(file_lock(path, O_RDWR), -ENOENT);
	fd = file_lock(path, O_RDWR | O_CREAT);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_lock(path, O_RDWR), -EWOULDBLOCK);
	close(fd);
	again = file_lock(path, O_RDONLY);
	assert_true(again >= 0);
	close(again);
	assert_int_equal(unlink(path), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_write_and_read_back),
	cmocka_unit_test(test_read_appends_within_its_limit),
	cmocka_unit_test(test_read_of_what_is_not_there),
	cmocka_unit_test(test_replaces_as_a_whole),
	cmocka_unit_test(test_a_failed_write_leaves_nothing),
	cmocka_unit_test(test_mkdirs),
	cmocka_unit_test(test_write_all),
	cmocka_unit_test(test_logs),
	cmocka_unit_test(test_whose_directories),
	cmocka_unit_test(test_locks),
};

UNIT_MAIN(tests)
