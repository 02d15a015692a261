#include "tests/unit/unit.h"
#include "fs/tasks/draft.h"
#include "wire/limits.h"

static struct drafts drafts;
static struct draft *draft;

static int begin(void **state)
{
	(void)state;
	drafts = (struct drafts){0};
	assert_int_equal(draft_new(&drafts, bytes_str("build"), 1, 2, &draft),
			 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	drafts_done(&drafts);
	assert_int_equal(drafts.bytes, 0);
	assert_int_equal(drafts.text, 0);
	return 0;
}

static unsigned row(const char *name)
{
	return (unsigned)(task_option_find(bytes_str(name)) - task_options);
}

static int resize(const char *name, uint64_t size)
{
	struct buf why = BUF_INIT;
	int err = draft_resize(&drafts, draft, row(name), size, &why);

	assert_int_equal(err != 0, why.n != 0);
	buf_done(&why);
	return err;
}

static int write_to(const char *name, uint64_t off, struct bytes data)
{
	struct buf why = BUF_INIT;
	int err;

	draft->option[row(name)].there = true;
	err = draft_write(&drafts, draft, row(name), off, data, &why);
	buf_done(&why);
	return err;
}

static void expect_read(const char *name, uint64_t off, size_t n,
			const char *want)
{
	struct buf out = BUF_INIT;

	assert_int_equal(draft_read(draft, row(name), off, n, &out), 0);
	assert_text(buf_bytes(&out), want);
	buf_done(&out);
}

static int set(const char *name, const char *text)
{
	struct buf why = BUF_INIT;
	int err;

	draft->option[row(name)].there = true;
	err = draft_set(&drafts, draft, row(name), bytes_str(text), &why);
	assert_int_equal(err != 0, why.n != 0);
	buf_done(&why);
	return err;
}

static int task(struct draft_task *t)
{
	struct buf why = BUF_INIT;
	int err = draft_task(&drafts, draft, t, &why);

	buf_done(&why);
	return err;
}

static void test_finding(void **state)
{
	struct draft *other;

	(void)state;
	assert_ptr_equal(draft_find(&drafts, bytes_str("build")), draft);
	assert_null(draft_find(&drafts, bytes_str("buil")));
	assert_ptr_equal(draft_get(&drafts, draft->id), draft);
	assert_int_equal(draft_new(&drafts, bytes_str("build"), 1, 2, &other),
			 -EEXIST);
	draft_free(&drafts, draft);
	assert_null(draft_find(&drafts, bytes_str("build")));
	assert_int_equal(draft_new(&drafts, bytes_str("build"), 1, 2, &other),
			 0);
	assert_int_equal(other->id, 2);
}

static void test_bytes_small_and_large(void **state)
{
	static char big[3 * BLOB_IN_MEMORY], got[sizeof(big)];
	struct draft_task t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 256);
	assert_int_equal(write_to("stdin", 0, bytes_str("hello")), 0);
	expect_read("stdin", 0, 100, "hello");
	expect_read("stdin", 1, 3, "ell");
	expect_read("stdin", 5, 100, "");
	expect_read("stdin", UINT64_MAX, 1, "");
	for (i = 0; i < sizeof(big); i += 5000)
		assert_int_equal(write_to("stdin", i,
					  bytes_of(big + i,
						   min_u64(5000, sizeof(big) -
								 i))), 0);
	assert_true(draft->option[row("stdin")].blob.fd >= 0);
	assert_int_equal(drafts.bytes, sizeof(big));
	assert_int_equal(write_to("code", 0, bytes_str(":")), 0);
	assert_int_equal(task(&t), 0);
	assert_int_equal(t.stdin_.n, sizeof(big));
	memcpy(got, t.stdin_.p, sizeof(big));
	assert_memory_equal(got, big, sizeof(big));
	draft_task_done(&t);
	assert_int_equal(resize("stdin", 3), 0);
	assert_int_equal(drafts.bytes, 4);
	assert_int_equal(resize("stdin", 0), 0);
	assert_true(draft->option[row("stdin")].blob.fd < 0);
	expect_read("stdin", 0, 9, "");
}

static void test_gaps_are_zeroes(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(write_to("stdin", 3, bytes_str("x")), 0);
	assert_int_equal(resize("stdin", 6), 0);
	assert_int_equal(draft_read(draft, row("stdin"), 0, 9, &out), 0);
	assert_bytes(buf_bytes(&out), bytes_of("\0\0\0x\0\0", 6));
	buf_done(&out);
}

static void test_limits_of_bytes(void **state)
{
	(void)state;
	assert_int_equal(write_to("code", LIMIT_CODE, bytes_str("x")), -EFBIG);
	assert_int_equal(write_to("stdin", LIMIT_STDIN, bytes_str("x")),
			 -EFBIG);
	assert_int_equal(write_to("stdin", UINT64_MAX, bytes_str("xy")),
			 -EFBIG);
	assert_int_equal(resize("code",
				      LIMIT_CODE + 1), -EFBIG);
	assert_int_equal(drafts.bytes, 0);
	drafts.bytes = DRAFTS_BYTES - 1;
	assert_int_equal(write_to("code", 0, bytes_str("xy")), -ENOSPC);
	assert_int_equal(write_to("code", 0, bytes_str("x")), 0);
	drafts.bytes = 1;
}

static void test_values(void **state)
{
	struct draft_task t;

	(void)state;
	assert_int_equal(write_to("code", 0, bytes_str("echo")), 0);
	assert_int_equal(set("retries", "3\n"), 0);
	assert_int_equal(set("retries", "x\n"), -EINVAL);
	assert_int_equal(set("args", "a\nb"), 0);
	assert_int_equal(set("priority", "4"), 0);
	assert_int_equal(set("priority", ""), 0);
	assert_int_equal(set("label", "other"), -EINVAL);
	assert_int_equal(set("label", "build"), 0);
	assert_text(buf_bytes(&draft->option[row("retries")].text), "3\n");
	assert_int_equal(task(&t), 0);
	assert_text(json_bytes(t.options),
		    "{\"args\":[\"a\",\"b\"],\"label\":\"build\","
		    "\"retries\":3}");
	assert_text(t.code, "echo");
	assert_false(t.has_stdin);
	assert_false(t.has_map);
	draft_task_done(&t);
	draft_remove(&drafts, draft, row("retries"));
	draft_remove(&drafts, draft, row("args"));
	draft_remove(&drafts, draft, row("label"));
	assert_int_equal(drafts.text, 0);
	drafts.text = DRAFTS_TEXT - 1;
	assert_int_equal(set("retries", "3\n"), -ENOSPC);
	drafts.text = 0;
}

static void test_without_code(void **state)
{
	struct draft_task t;

	(void)state;
	assert_int_equal(task(&t), -EINVAL);
	assert_int_equal(write_to("code", 0, bytes_str("")), 0);
	assert_int_equal(task(&t), -EINVAL);
}

/* The items as the controller gets them, of what is in the file. */
static void expect_items(const char *text, const char *want, size_t n)
{
	struct draft_task t = {0};
	const struct blob *b = &draft->option[row("map")].blob;
	size_t i;

	assert_int_equal(resize("map", 0), 0);
	for (i = 0; text[i]; i++)
		assert_int_equal(write_to("map", i, bytes_of(text + i, 1)), 0);
	expect_read("map", 0, 1000, text);
	assert_int_equal(task(&t), 0);
	assert_true(t.has_map);
	assert_bytes(t.map, bytes_of(want, n));
	assert_int_equal(drafts.bytes, 1 + b->size);
	draft_task_done(&t);
}

static void test_map(void **state)
{
	struct draft_task t;

	(void)state;
	assert_int_equal(write_to("code", 0, bytes_str(":")), 0);
	expect_items("a\nb c\n", "a\0b c", 6);
	expect_items("a\n\nb", "a\0\0b", 5);
	expect_items("[\"x\\ny\",\n \"z\"]\n", "[\"x\\ny\",\0 \"z\"]", 15);
	expect_items("[\"odd\"]\n", "[\"odd\"]", 8);
	expect_items("[]", "[]", 3);
	expect_items("[x]\n[y]\n", "[x]\0[y]", 8);
	expect_items("\n", "", 1);
	assert_int_equal(write_to("map", 0, bytes_of("a\0b", 3)), -EINVAL);
	assert_int_equal(write_to("map", 9, bytes_str("a")), -EINVAL);
	assert_int_equal(resize("map", 9), -EINVAL);
	assert_int_equal(resize("map", 0), 0);
	assert_int_equal(task(&t), -EINVAL); /* no items are no map */
}

static void test_too_many(void **state)
{
	struct draft *w;
	char name[32];
	int i;

	(void)state;
	for (i = 1; i < DRAFTS_MAX; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(draft_new(&drafts, bytes_str(name), 0, 0, &w),
				 0);
	}
	assert_int_equal(draft_new(&drafts, bytes_str("x"), 0, 0, &w),
			 -ENOSPC);
	draft_free(&drafts, draft);
	assert_int_equal(draft_new(&drafts, bytes_str("x"), 0, 0, &w), 0);
}

static void test_the_options_fit(void **state)
{
	size_t n = 0;

	(void)state;
	while (task_options[n].name)
		n++;
	assert_true(n <= DRAFT_OPTIONS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static const struct CMUnitTest tests[] = {
	TEST(test_finding),
	TEST(test_bytes_small_and_large),
	TEST(test_gaps_are_zeroes),
	TEST(test_limits_of_bytes),
	TEST(test_values),
	TEST(test_without_code),
	TEST(test_map),
	TEST(test_too_many),
	TEST(test_the_options_fit),
};

UNIT_MAIN(tests)
