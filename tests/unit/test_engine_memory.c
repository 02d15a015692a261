/* The memory of tasks: how much it is, who has too much, whom the kernel has killed. */
#include "tests/unit/unit.h"
#include "base/file.h"
#include "engine/memory.h"
#include "wire/limits.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define PAGES ((size_t)32 * 1024 * 1024)

/* --- how much ------------------------------------------------------------------- */

/* A process that has done `f` and waits; kill() and waitpid() end it. */
static pid_t other(void (*f)(void))
{
	int p[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		f();
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
	close(p[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void *pages(int flags, int fd)
{
	void *p = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, flags, fd, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static void take_pages(void)
{
	memset(pages(MAP_PRIVATE | MAP_ANONYMOUS, -1), 1, PAGES);
}

static void nothing(void)
{
}

/* Three that have the same pages. */
static void share_pages(void)
{
	take_pages();
	(void)!other(nothing);
	(void)!other(nothing);
}

static void map_file(void)
{
	int fd = file_unnamed("/tmp");
	volatile char *p;
	size_t i;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PAGES), 0);
	p = pages(MAP_SHARED, fd);
	for (i = 0; i < PAGES; i += 4096)
		p[i] = 1;
}

static void test_pages_of_its_own(void **state)
{
	uint64_t before = memory_used(getpid(), 0);
	pid_t a, b;

	(void)state;
	assert_int_equal(before, 0);
	a = other(take_pages);
	assert_true(memory_used(getpid(), 0) >= PAGES);
	assert_true(memory_used(getpid(), UINT64_MAX) >= PAGES);
	b = other(take_pages);
	assert_true(memory_used(getpid(), 0) >= 2 * PAGES);
	end(a);
	assert_true(memory_used(getpid(), 0) < 2 * PAGES);
	end(b);
	assert_int_equal(memory_used(getpid(), 0), 0);
}

/* Whose sum of RSS is three times as much. */
static void test_pages_of_several(void **state)
{
	pid_t a = other(share_pages);
	uint64_t n;

	(void)state;
	assert_true(memory_used(getpid(), UINT64_MAX) >= 3 * PAGES);
	n = memory_used(getpid(), 2 * PAGES);
	/* What others have besides, as this process has its own, is small. */
	assert_true(n >= PAGES && n < 2 * PAGES);
	end(a);
}

/* A file that is mapped is in memory, and the kernel can take that back. */
static void test_pages_of_a_file(void **state)
{
	pid_t a = other(map_file);

	(void)state;
	assert_true(memory_used(getpid(), UINT64_MAX) >= PAGES);
	assert_true(memory_used(getpid(), 0) < PAGES);
	end(a);
}

/* --- who has too much ----------------------------------------------------------- */

static struct {
	struct loop *loop;
	struct memory_hold small, large;
	unsigned over;
} w;

static void is_over(struct memory_hold *h)
{
	assert_ptr_equal(h, &w.small);
	assert_true(list_empty(&h->link));
	w.over++;
	loop_stop(w.loop, 0);
}

static void test_watch(void **state)
{
	struct memory_watch watch;
	pid_t a = other(take_pages);

	(void)state;
	w.loop = loop_new();
	memory_init(&watch, w.loop);
	/* Nobody is held: there is nothing to look at. */
	assert_false(timer_is_set(&watch.timer));
	w.small = (struct memory_hold){.root = getpid(), .limit = PAGES / 2,
				       .over = is_over};
	w.large = (struct memory_hold){.root = getpid(), .limit = PAGES * 4,
				       .over = is_over};
	memory_hold(&watch, &w.large);
	memory_hold(&watch, &w.small);
	assert_true(timer_is_set(&watch.timer));
	assert_int_equal(loop_run(w.loop), 0);
	assert_int_equal(w.over, 1);
	assert_true(timer_is_set(&watch.timer));
	memory_let_go(&w.large);
	memory_let_go(&w.large);
	end(a);
	memory_done(&watch);
	loop_free(w.loop);
}

/* --- whom the kernel has killed ---------------------------------------------------- */

static void assert_kills_file(const char *cgroup, const char *mount, const char *want)
{
	char *at = xstrdup(unit_path("fs"));
	char *mounts = xasprintf("30 25 0:26 / %s %s\n", at, mount);
	char *path[2], *file;

	unit_put("cgroup", cgroup);
	unit_put("mountinfo", mounts);
	path[0] = xstrdup(unit_path("cgroup"));
	path[1] = xstrdup(unit_path("mountinfo"));
	file = memory_kills_file(&(struct cgroup_files){path[0], path[1]});
	assert_string_equal(file, *want == '/' ? want : unit_path(want));
	free(file);
	free(path[0]);
	free(path[1]);
	free(mounts);
	free(at);
}

#define V2 "rw - cgroup2 cgroup2 rw"
#define V1 "rw - cgroup cgroup rw,memory"

static void test_kills_file(void **state)
{
	(void)state;
	assert_kills_file("0::/a\n", V2, "/proc/vmstat");
	unit_put("fs/a/memory.events", "low 0\noom 1\noom_kill 3\n");
	unit_put("fs/memory.events", "oom_kill 4\n");
	assert_kills_file("0::/a\n", V2, "fs/a/memory.events");
	unit_put("fs/m/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");
	assert_kills_file("3:memory:/m\n", V1, "/proc/vmstat");
	unit_put("fs/m/memory.oom_control",
	    "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
	assert_kills_file("3:memory:/m\n", V1, "fs/m/memory.oom_control");
}

static void test_kills(void **state)
{
	struct memory_watch watch = {0};

	(void)state;
	unit_put("events", "max 7\noom_kill 3\noom_group_kill 9\n");
	watch.kills = xstrdup(unit_path("events"));
	assert_int_equal(memory_kills(&watch), 3);
	assert_int_equal(memory_kills_lately(&watch), 3);
	unit_put("events", "oom_kill 4\n");
	assert_int_equal(memory_kills(&watch), 4);
	watch.read = mono_usec() - USEC_PER_SEC;
	assert_int_equal(memory_kills_lately(&watch), 4);
	unit_put("events", "oom_kill x\n");
	assert_int_equal(memory_kills(&watch), -1);
	unit_put("events", "");
	assert_int_equal(memory_kills(&watch), -1);
	free(watch.kills);
	watch.kills = xstrdup("/nonexistent");
	assert_int_equal(memory_kills(&watch), -1);
	free(watch.kills);
	watch.kills = xstrdup("/proc/vmstat");
	assert_true(memory_kills(&watch) >= 0);
	free(watch.kills);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_pages_of_its_own),
	cmocka_unit_test(test_pages_of_several),
	cmocka_unit_test(test_pages_of_a_file),
	cmocka_unit_test(test_watch),
	cmocka_unit_test(test_kills_file),
	cmocka_unit_test(test_kills),
};

UNIT_MAIN(tests)
