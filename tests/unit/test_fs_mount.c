#include "tests/unit/unit.h"
#include "base/file.h"
#include "fs/mount.h"

#include <fcntl.h>
#include <sys/stat.h>

static void expect_options(const char *list, int want, const char *passed)
{
	struct mount_options m = {0};
	struct buf why = BUF_INIT;

	assert_int_equal(mount_options_add(&m, list, &why), want);
	if (passed)
		assert_string_equal(buf_str(&m.fuse), passed);
	assert_int_equal(why.n > 0, want < 0);
	buf_done(&why);
	mount_options_done(&m);
}

static void test_options(void **state)
{
	struct mount_options m = {0};
	struct buf why = BUF_INIT;

	(void)state;
	expect_options("", 0, "");
	expect_options("rw,nosuid,,nodev", 0, "rw,nosuid,nodev");
	expect_options("_netdev,noauto,x-systemd.automount,user=joe,ro", 0,
		       "ro");
	expect_options("bogus", -EINVAL, NULL);
	expect_options("ro,rox", -EINVAL, NULL);
	expect_options("nosuid=1", -EINVAL, NULL);
	assert_int_equal(mount_options_add(&m, "bg,allow_other", &why), 0);
	assert_int_equal(mount_options_add(&m, "nonempty,noinotify", &why), 0);
	assert_true(m.background && m.allow_other && m.nonempty);
	mount_options_done(&m);
}

static void expect_source(const char *source, const char *want)
{
	struct buf why = BUF_INIT;
	char *got = mount_source(source, &why);

	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
	buf_done(&why);
}

static void test_sources(void **state)
{
	char *dir = realpath(unit_dir(), NULL);
	char *name = xasprintf("%s/taskfs/me/security/"
			       "ipcontroller-client.json", dir);
	char *there = xasprintf("%s/c/security/ipcontroller-client.json", dir);
	char *cluster = xasprintf("%s/c", dir);
	char *gone = xasprintf("%s/nothing.json", dir);
	char *inside = xasprintf("%s/ipcontroller-client.json", cluster);

	(void)state;
	assert_int_equal(setenv("XDG_STATE_HOME", dir, 1), 0);
	expect_source("me", name);
	expect_source(cluster, there); /* not there yet */
	assert_int_equal(mkdir(cluster, 0700), 0);
	expect_source(cluster, there);
	assert_int_equal(close(creat(inside, 0600)), 0);
	expect_source(cluster, inside);
	expect_source(inside, inside);
	expect_source(gone, gone);
	free(inside);
	free(gone);
	free(cluster);
	free(there);
	free(name);
	free(dir);
}

static void touch_in(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(close(creat(path, 0600)), 0);
	free(path);
}

/* A profile of ipyparallel, and a cluster of ours, by one name. */
static void test_names(void **state)
{
	char *dir = realpath(unit_dir(), NULL);
	char *profile = xasprintf("%s/profile_n", dir);
	char *theirs = xasprintf("%s/security", profile);
	char *ours = xasprintf("%s/taskfs/n/security", dir);
	char *one = xasprintf("%s/ipcontroller-1-client.json", theirs);
	char *none = xasprintf("%s/ipcontroller-client.json", ours);
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(setenv("XDG_STATE_HOME", dir, 1), 0);
	assert_int_equal(setenv("IPYTHONDIR", dir, 1), 0);
	assert_int_equal(file_mkdirs(theirs, 0700), 0);
	assert_int_equal(file_mkdirs(ours, 0700), 0);
	expect_source("n", none); /* neither runs */
	touch_in(theirs, "ipcontroller-1-client.json");
	expect_source("n", one);
	expect_source(profile, one);
	touch_in(theirs, "ipcontroller-2-client.json");
	assert_null(mount_source(profile, &why));
	assert_non_null(strstr(buf_str(&why), one));
	assert_non_null(strstr(buf_str(&why), "2-client"));
	touch_in(ours, "ipcontroller-client.json");
	expect_source("n", none); /* both do */
	buf_done(&why);
	free(none);
	free(one);
	free(ours);
	free(theirs);
	free(profile);
	free(dir);
}

static void test_what_is_no_source(void **state)
{
	struct buf why = BUF_INIT;

	(void)state;
	assert_null(mount_source("", &why));
	assert_true(why.n > 0);
	buf_done(&why);
}

static void expect_no_dir(const char *dir, const char *says)
{
	struct mount_options m = {0};
	struct buf why = BUF_INIT;

	assert_null(mount_dir(dir, &m, &why));
	assert_non_null(strstr(buf_str(&why), says));
	buf_done(&why);
}

static void test_directories(void **state)
{
	struct mount_options m = {.nonempty = true};
	struct buf why = BUF_INIT;
	char *got;

	(void)state;
	expect_no_dir("/nonexistent/x", "make the directory first");
	expect_no_dir("/etc/passwd", "no directory");
	expect_no_dir("/etc", "not empty");
	got = mount_dir("/etc/../etc", &m, &why);
	assert_string_equal(got, "/etc");
	free(got);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_options),
	cmocka_unit_test(test_sources),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_what_is_no_source),
	cmocka_unit_test(test_directories),
};

UNIT_MAIN(tests)
