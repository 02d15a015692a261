/*
 * Cgroups that an engine makes, in a directory that only looks like a hierarchy of
 * version 2: what is written where. (What the kernel does about it needs one.)
 */
#include "tests/unit/unit.h"
#include "base/file.h"
#include "engine/subgroup.h"

#include <sys/stat.h>

static void assert_file(const char *dir, const char *name, const char *want)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct buf text = BUF_INIT;

	assert_int_equal(file_read(path, 4096, &text), 0);
	assert_text(buf_bytes(&text), want);
	buf_done(&text);
	free(path);
}

static const char *own_pid(const char *more)
{
	static char text[64];

	snprintf(text, sizeof(text), "%d\n%s", (int)getpid(), more);
	return text;
}

/* An engine in /a of such a hierarchy. */
static char *enter(const char *procs, const char *controllers)
{
	char *at = xstrdup(unit_path("fs")), *path[2], *dir;
	char *mounts = xasprintf("30 25 0:26 / %s rw - cgroup2 cgroup2 rw\n", at);

	unit_put("cgroup", "0::/a\n");
	unit_put("mountinfo", mounts);
	unit_put("fs/a/cgroup.procs", procs);
	unit_put("fs/a/cgroup.controllers", controllers);
	path[0] = xstrdup(unit_path("cgroup"));
	path[1] = xstrdup(unit_path("mountinfo"));
	dir = subgroups_enter(&(struct cgroup_files){path[0], path[1]});
	free(path[0]);
	free(path[1]);
	free(mounts);
	free(at);
	return dir;
}

static void test_not_ours_alone(void **state)
{
	(void)state;
	assert_null(enter(own_pid("1\n"), "cpu memory pids\n"));
	assert_null(enter("", "cpu memory\n"));
	assert_null(enter(own_pid(""), "cpu pids\n"));
	assert_null(enter(own_pid(""), ""));
	assert_int_equal(access(unit_path("fs/a/taskfs-engine"), F_OK), -1);
}

/* The kernel refuses to control memory there: all is as it was. */
static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(file_mkdirs(unit_path("fs/a/cgroup.subtree_control"), 0700),
			 0);
	assert_null(enter(own_pid(""), "memory\n"));
	assert_file(unit_path("fs/a"), "cgroup.procs", own_pid(""));
	assert_int_equal(rmdir(unit_path("fs/a/cgroup.subtree_control")), 0);
}

static void test_a_task(void **state)
{
	char *dir = enter(own_pid(""), "cpu memory\n");
	char *group, *own;

	(void)state;
	assert_non_null(dir);
	assert_string_equal(dir, unit_path("fs/a"));
	own = xasprintf("%s/taskfs-engine", dir);
	assert_file(own, "cgroup.procs", own_pid(""));
	assert_file(dir, "cgroup.subtree_control", "+memory\n");
	group = subgroup_make(dir, 2LL << 30);
	assert_non_null(group);
	assert_file(group, "memory.max", "2147483648\n");
	assert_file(group, "memory.swap.max", "0\n");
	assert_int_equal(subgroup_add(group, 4711), 0);
	assert_file(group, "cgroup.procs", "4711\n");
	assert_int_equal(subgroup_kills(group), -1);
	free(own);
	free(group);
	free(dir);
}

static void test_kills_and_end(void **state)
{
	char *dir = enter(own_pid(""), "memory\n");
	char *group = subgroup_make(dir, 4096), *events, *own;

	(void)state;
	assert_non_null(group);
	events = xasprintf("%s/memory.events", strstr(group, "fs/a"));
	unit_put(events, "low 0\nmax 5\noom 1\noom_kill 0\n");
	assert_int_equal(subgroup_kills(group), 0);
	unit_put(events, "low 0\nmax 9\noom 2\noom_kill 1\n");
	assert_int_equal(subgroup_kills(group), 1);
	free(events);
	own = xasprintf("%s/taskfs-engine", dir);
	subgroup_drop(dir, group, 4711);
	assert_file(own, "cgroup.procs", "4711\n");
	free(own);
	/* One that an engine has left behind goes with the last one. */
	assert_int_equal(file_mkdirs(unit_path("fs/a/taskfs-task-1-2"), 0700), 0);
	subgroups_leave(dir);
	assert_int_equal(access(unit_path("fs/a/taskfs-task-1-2"), F_OK), -1);
	assert_file(unit_path("fs/a"), "cgroup.subtree_control", "-memory\n");
	assert_file(unit_path("fs/a"), "cgroup.procs", own_pid(""));
	subgroups_leave(NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_not_ours_alone),
	cmocka_unit_test(test_refused),
	cmocka_unit_test(test_a_task),
	cmocka_unit_test(test_kills_and_end),
};

UNIT_MAIN(tests)
