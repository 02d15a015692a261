#include "tests/unit/unit.h"
#include "base/file.h"
#include "engine/slots.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* The quota that these lines of /proc/self/cgroup and mountinfo lead to. */
static double quota(const char *cgroup, const char *root, const char *rest)
{
	char *mounts = xasprintf("20 1 0:5 / /proc rw - proc proc rw\n"
				 "30 25 0:26 %s %s %s\n",
				 root, unit_path("fs"), rest);
	char *a, *b;
	double q;

	unit_put("cgroup", cgroup);
	unit_put("mountinfo", mounts);
	a = xstrdup(unit_path("cgroup"));
	b = xstrdup(unit_path("mountinfo"));
	q = slots_quota(a, b);
	free(a);
	free(b);
	free(mounts);
	return q;
}

static void is(double got, double want)
{
	assert_int_equal((int)(got * 1000), (int)(want * 1000));
}

#define V2 "rw,nosuid shared:9 - cgroup2 cgroup2 rw"
#define V1 "rw - cgroup cgroup rw,cpu,cpuacct"

static void test_v2(void **state)
{
	(void)state;
	unit_put("fs/a/b/cpu.max", "max 100000\n");
	is(quota("0::/a/b\n", "/", V2), 0);
	unit_put("fs/a/b/cpu.max", "250000 100000\n");
	is(quota("0::/a/b\n", "/", V2), 2.5);
	/* The one above has less. */
	unit_put("fs/a/cpu.max", "150000 100000\n");
	is(quota("1:name=x:/c\n0::/a/b\n", "/", V2), 1.5);
	unit_put("fs/a/cpu.max", "900000 100000\n");
	is(quota("0::/a/b\n", "/", V2), 2.5);
	unit_put("fs/cpu.max", "50000 100000\n");
	is(quota("0::/a/b\n", "/", V2), 0.5);
	is(quota("0::/\n", "/", V2), 0.5);
}

/* Of a hierarchy only a part is mounted, as in a container. */
static void test_a_part(void **state)
{
	(void)state;
	unit_put("fs/cpu.max", "300000 100000\n");
	unit_put("fs/in/cpu.max", "200000 100000\n");
	is(quota("0::/box/in\n", "/box", V2), 2);
	is(quota("0::/box\n", "/box", V2), 3);
	is(quota("0::/boxer/in\n", "/box", V2), 3);
	is(quota("0::/../in\n", "/box", V2), 3);
}

static void test_v1(void **state)
{
	(void)state;
	unit_put("fs/g/cpu.cfs_quota_us", "-1\n");
	unit_put("fs/g/cpu.cfs_period_us", "100000\n");
	is(quota("5:memory:/h\n4:cpu,cpuacct:/g\n", "/", V1), 0);
	unit_put("fs/g/cpu.cfs_quota_us", "400000\n");
	is(quota("5:memory:/h\n4:cpu,cpuacct:/g\n", "/", V1), 4);
	is(quota("5:memory:/h\n4:cpuset:/g\n", "/", V1), 0);
	is(quota("4:cpu:/g\n", "/", "rw - cgroup cgroup rw,memory"), 0);
}

static void test_rubbish(void **state)
{
	(void)state;
	unit_put("fs/cpu.max", "");
	is(quota("", "/", V2), 0);
	is(quota("0::\n::\n:\n\n", "/", V2), 0);
	is(quota("0::/\n", "/", V2), 0);
	is(quota("0::/\n", "/", "x"), 0);
	unit_put("fs/cpu.max", "0 0\n");
	is(quota("0::/\n", "/", V2), 0);
	is(slots_quota("/nonexistent", "/nonexistent"), 0);
}

static void test_affinity(void **state)
{
	cpu_set_t all, one;
	size_t n, i = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	n = slots_cores();
	assert_true(n >= 1 && n <= (size_t)CPU_COUNT(&all));
	while (!CPU_ISSET(i, &all))
		i++;
	CPU_ZERO(&one);
	CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(slots_cores(), 1);
	assert_int_equal(slots_parse("auto", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void test_parse(void **state)
{
	size_t n;

	(void)state;
	assert_int_equal(slots_parse("65536", &n), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(slots_parse("0", &n), -ERANGE);
	assert_int_equal(slots_parse("65537", &n), -ERANGE);
	assert_int_equal(slots_parse("Auto", &n), -EINVAL);
	assert_int_equal(slots_parse("", &n), -EINVAL);
}

static void test_descriptors(void **state)
{
	struct rlimit l = {1024, 4096}, now;
	size_t most;

	(void)state;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
	assert_int_equal(slots_raise_limit(1), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, 1024);
	assert_int_equal(slots_raise_limit(300), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_true(now.rlim_cur > 1024 && now.rlim_cur <= 4096);
	most = slots_possible();
	assert_true(most > 300 && most < 1000);
	/* One slot needs no more than an engine has always needed. */
	l = (struct rlimit){200, 200};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
	assert_int_equal(slots_possible(), 1);
	assert_int_equal(slots_raise_limit(1), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_v2),
	cmocka_unit_test(test_a_part),
	cmocka_unit_test(test_v1),
	cmocka_unit_test(test_rubbish),
	cmocka_unit_test(test_affinity),
	cmocka_unit_test(test_parse),
	cmocka_unit_test(test_descriptors),
};

UNIT_MAIN(tests)
