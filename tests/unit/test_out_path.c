#include "tests/unit/unit.h"
#include "wire/out_path.h"

static const struct row {
	const char *text, *path;
	bool ok, many, append;
} rows[] = {
	{"/tmp/out", "/tmp/out", true, false, false},
	{"out.%i.%n", "out.7.3", true, true, false},
	{"%n%n%i", "337", true, true, false},
	{"100%%.txt", "100%.txt", true, false, false},
	{"%%n", "%n", true, false, false},
	{">>log", "log", true, true, true},
	{">> a b", "a b", true, true, true},
	{">log", ">log", true, false, false},
	{"a%", NULL, false, false, false},
	{"%d", NULL, false, false, false},
	{"%%%", NULL, false, false, false},
	{"", NULL, false, false, false},
	{">>", NULL, false, false, false},
};

static void test_each(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		struct buf path = BUF_INIT;

		assert_int_equal(out_path_ok(bytes_str(r->text)), r->ok);
		if (!r->ok)
			continue;
		assert_int_equal(out_path_is_for_many(bytes_str(r->text)),
				 r->many);
		assert_int_equal(out_path_put(bytes_str(r->text), 7, 3, &path),
				 r->append);
		assert_string_equal(buf_str(&path), r->path);
		buf_done(&path);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_each),
};

UNIT_MAIN(tests)
