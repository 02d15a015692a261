/* What an engine has for tasks beside its slots: said, found, handed out. */
#include "tests/unit/unit.h"
#include "base/file.h"
#include "engine/resources.h"
#include "engine/stock.h"

static void add(struct resources *r, const char *text)
{
	if (resources_parse(r, text))
		fail_msg("%s is refused", text);
}

/* "3", or "0 1 2" of a list. */
static void assert_has(const struct resources *r, const char *name, const char *want)
{
	const struct resource *of = resources_get(r, name);
	struct buf b = BUF_INIT;
	int64_t i;

	assert_non_null(of);
	if (!of->label)
		buf_printf(&b, "%lld", (long long)of->n);
	for (i = 0; of->label && i < of->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", of->label[i]);
	assert_text(buf_bytes(&b), want);
	buf_done(&b);
}

/* --- said -------------------------------------------------------------------- */

static void test_amounts_and_lists(void **state)
{
	static const struct {
		const char *text, *name, *want;
	} row[] = {
		{"licence=2", "licence", "2"},
		{"gpu=0-3", "gpu", "0 1 2 3"},
		{"gpu=3,0,7-8", "gpu", "3 0 7 8"},
		{"gpu=1,", "gpu", "1"},
		{"gpu=01,x,0-1", "gpu", "01 x 0 1"},
		{"gpu=0", "gpu", "0"},
		{"disk=ssd", "disk", "ssd"},
		{"gpu=MIG-1f/2/0,GPU-8.a", "gpu", "MIG-1f/2/0 GPU-8.a"},
		{"memory=64G", "memory", "68719476736"},
		{"memory=4096", "memory", "4096"},
		{"_x9=9007199254740992", "_x9", "9007199254740992"},
	};
	struct resources r = {0};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		add(&r, row[i].text);
		assert_has(&r, row[i].name, row[i].want);
	}
	assert_int_equal(r.n, 5);
	resources_done(&r);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",	   "gpu",	  "=1",		"gpu=",	      "gpu=,",
		"gpu=1,,2", "gpu=1,1",	  "gpu=0-3,2",	"gpu=3-1",    "gpu=-1",
		"gpu=x,2,0-3", "gpu=2-5,0-2", "gpu=x,0-4095",
		"gpu=a b", "gpu=1.5",	  "9x=1",	"a-b=1",      "a b=1",
		"cpus=4",  "memory=x",	  "memory=1-2", "memory=-1",  "gpu=1G",
		"licence=9007199254740993", "gpu=0-4096", "gpu=0-2147483648",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1",
	};
	struct resources r = {0};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (resources_parse(&r, bad[i]) == 0)
			fail_msg("%s passed", bad[i]);
	assert_int_equal(r.n, 0);
	for (i = 0; i < LIMIT_RESOURCES; i++) {
		char *text = xasprintf("r%zu=1", i);

		add(&r, text);
		free(text);
	}
	assert_int_equal(resources_parse(&r, "one_more=1"), -ERANGE);
	add(&r, "r3=0-1");
	assert_int_equal(resources_parse(&r, "r3=?"), -EINVAL);
	assert_has(&r, "r3", "0 1");
	resources_done(&r);
}

/* --- found ------------------------------------------------------------------- */

static void assert_memory(const char *meminfo, const char *cgroup,
			  const char *mount, int64_t want)
{
	char *at = xstrdup(unit_path("fs"));
	char *mounts = xasprintf("30 25 0:26 / %s %s\n", at, mount);
	char *path[3];

	unit_put("meminfo", meminfo);
	unit_put("cgroup", cgroup);
	unit_put("mountinfo", mounts);
	path[0] = xstrdup(unit_path("meminfo"));
	path[1] = xstrdup(unit_path("cgroup"));
	path[2] = xstrdup(unit_path("mountinfo"));
	assert_int_equal(
		resources_memory(path[0],
				 &(struct cgroup_files){path[1], path[2]}),
		want);
	free(path[0]);
	free(path[1]);
	free(path[2]);
	free(mounts);
	free(at);
}

#define V2 "rw - cgroup2 cgroup2 rw"
#define V1 "rw - cgroup cgroup rw,memory"
#define MEMINFO "MemTotal:        8388000 kB\nMemFree:          1 kB\n"

static void test_memory(void **state)
{
	int64_t host = (int64_t)8191 * (int64_t)MIB;

	(void)state;
	assert_memory(MEMINFO, "", V2, host);
	unit_put("fs/a/b/memory.max", "max\n");
	assert_memory(MEMINFO, "0::/a/b\n", V2, host);
	unit_put("fs/a/memory.max", "3221225472\n");
	assert_memory(MEMINFO, "0::/a/b\n", V2, (int64_t)(3 * GIB));
	unit_put("fs/g/memory.limit_in_bytes", "9223372036854771712\n");
	assert_memory(MEMINFO, "4:cpu:/h\n3:memory:/g\n", V1, host);
	unit_put("fs/g/memory.limit_in_bytes", "1073741824\n");
	assert_memory(MEMINFO, "4:cpu:/h\n3:memory:/g\n", V1, (int64_t)GIB);
	assert_memory("MemTotal: much\n", "", V2, 0);
	assert_memory("", "", V2, 0);
}

static void test_gpus(void **state)
{
	char *dev, *gpus;

	(void)state;
	unit_put("dev/nvidiactl", "");
	unit_put("dev/nvidia-uvm", "");
	unit_put("dev/null", "");
	dev = xstrdup(unit_path("dev"));
	assert_null(resources_gpus(dev));
	unit_put("dev/nvidia10", "");
	unit_put("dev/nvidia2", "");
	unit_put("dev/nvidia0", "");
	gpus = resources_gpus(dev);
	assert_string_equal(gpus, "0,2,10,");
	free(gpus);
	free(dev);
	assert_null(resources_gpus("/nonexistent"));
}

/* What CUDA_VISIBLE_DEVICES leaves. */
static void test_visible(void **state)
{
	static const struct {
		const char *visible, *want;
	} row[] = {
		{"0", "0"}, {"2,3", "2 3"}, {"GPU-8a,GPU-9b", "GPU-8a GPU-9b"},
		{"", "0"}, {"-1", "0"}, {"NoDevFiles", "0"},
	};
	struct resources r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		r = (struct resources){0};
		assert_int_equal(resources_find(&r, row[i].visible), 0);
		assert_has(&r, "gpu", row[i].want);
		assert_non_null(resources_get(&r, "memory"));
		resources_done(&r);
	}
	r = (struct resources){0};
	assert_int_equal(resources_find(&r, "0,0"), -EINVAL);
	resources_done(&r);
	/* What is said counts more. */
	r = (struct resources){0};
	add(&r, "gpu=7-8");
	add(&r, "memory=1K");
	assert_int_equal(resources_find(&r, "0"), 0);
	assert_has(&r, "gpu", "7 8");
	assert_has(&r, "memory", "1024");
	resources_done(&r);
}

/* --- handed out -------------------------------------------------------------- */

static void need(struct amounts *a, const char *name, int64_t n)
{
	assert_int_equal(amounts_set(a, name, n), 0);
}

/* What the owner has of one resource. */
static void assert_owns(const struct stock *s, const char *name, int64_t n,
			const void *owner, const char *want, bool labels)
{
	struct amounts a = {0};
	struct buf b = BUF_INIT;

	need(&a, name, n);
	assert_int_equal(stock_put(s, &a.of[0], owner, &b), labels);
	assert_text(buf_bytes(&b), want);
	amounts_done(&a);
	buf_done(&b);
}

static void test_stock(void **state)
{
	struct resources r = {0};
	struct amounts one = {0}, three = {0}, other = {0};
	struct json_object *o;
	struct stock s;
	int a, b;

	(void)state;
	add(&r, "gpu=4-7");
	add(&r, "licence=2");
	add(&r, "none=0");
	stock_init(&s, &r);
	need(&one, "gpu", 1);
	need(&one, "licence", 1);
	need(&three, "gpu", 3);
	need(&other, "none", 1);
	assert_true(stock_has(&s, &three, false));
	stock_take(&s, &one, &a);
	stock_take(&s, &three, &b);
	assert_owns(&s, "gpu", 1, &a, "4", true);
	assert_owns(&s, "gpu", 3, &b, "5,6,7", true);
	assert_owns(&s, "licence", 1, &a, "1", false);
	assert_false(stock_has(&s, &one, false));
	assert_true(stock_has(&s, &one, true));
	assert_false(stock_has(&s, &other, true));
	stock_give(&s, &one, &a);
	assert_owns(&s, "gpu", 1, &a, "", true);
	assert_true(stock_has(&s, &one, false));
	assert_false(stock_has(&s, &three, false));
	stock_give(&s, &three, &b);
	assert_true(stock_has(&s, &three, false));
	o = stock_json(&s);
	assert_string_equal(json_object_to_json_string_ext(
				    o, JSON_C_TO_STRING_PLAIN),
			    "{\"gpu\":4,\"licence\":2,\"none\":0}");
	json_object_put(o);
	amounts_done(&one);
	amounts_done(&three);
	amounts_done(&other);
	stock_done(&s);
	resources_done(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_amounts_and_lists),
	cmocka_unit_test(test_refused),
	cmocka_unit_test(test_memory),
	cmocka_unit_test(test_gpus),
	cmocka_unit_test(test_visible),
	cmocka_unit_test(test_stock),
};

UNIT_MAIN(tests)
