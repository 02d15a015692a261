#include "tests/unit/unit.h"
#include "engine/output.h"

#include <dirent.h>

static struct spool *spool(void)
{
	static struct spool s;

	s.dir = unit_dir();
	return &s;
}

/* n bytes that tell where they stand. */
static void fill(char *p, size_t n, uint64_t from)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (char)((from + i) * 7 % 251);
}

static void put(struct output *o, size_t n)
{
	char *p = xmalloc(n);

	fill(p, n, o->size);
	assert_int_equal(output_put(o, spool(), bytes_of(p, n), INT64_MAX), 0);
	free(p);
}

/* All of it, read in pieces of `piece` bytes. */
static void check(const struct output *o, size_t piece)
{
	char *want = xmalloc(piece);
	uint64_t at = 0;
	struct bytes b;

	while (at < o->size) {
		assert_int_equal(output_read(o, at, piece, &b), 0);
		assert_true(b.n > 0 && b.n <= piece);
		fill(want, b.n, at);
		assert_bytes(b, bytes_of(want, b.n));
		at += b.n;
	}
	assert_int_equal(output_read(o, at, piece, &b), 0);
	assert_int_equal(b.n, 0);
	free(want);
}

static unsigned files_in_spool(void)
{
	DIR *d = opendir(unit_dir());
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void test_small_stays_in_memory(void **state)
{
	struct output o = OUTPUT_INIT;

	(void)state;
	check(&o, 10);
	put(&o, 3);
	put(&o, OUTPUT_MEMORY - 3);
	assert_int_equal(o.fd, 0);
	assert_int_equal(o.size, OUTPUT_MEMORY);
	check(&o, 1000);
	output_done(&o);
}

static void test_large_goes_to_a_file(void **state)
{
	struct output o = OUTPUT_INIT;
	int i;

	(void)state;
	put(&o, 60000);
	for (i = 0; i < 20; i++)
		put(&o, 100000);
	assert_true(o.fd > 0);
	assert_int_equal(output_files(), 1);
	assert_null(o.memory.p);
	assert_int_equal(o.size, 2060000);
	check(&o, OUTPUT_PIECE);
	check(&o, 777);
	/* It has no name. */
	assert_int_equal(files_in_spool(), 0);
	output_done(&o);
	assert_int_equal(output_files(), 0);
}

static void test_limit(void **state)
{
	struct output o = OUTPUT_INIT;

	(void)state;
	assert_int_equal(output_put(&o, spool(), bytes_of("12345", 5), 5), 0);
	assert_int_equal(output_put(&o, spool(), bytes_of("", 0), 5), 0);
	assert_int_equal(output_put(&o, spool(), bytes_of("678", 3), 7),
			 -EFBIG);
	assert_int_equal(o.size, 7);
	assert_int_equal(output_put(&o, spool(), bytes_of("8", 1), 7), -EFBIG);
	assert_bytes(buf_bytes(&o.memory), bytes_str("1234567"));
	output_done(&o);
}

static void test_no_place_for_a_file(void **state)
{
	struct spool nowhere = {.dir = "/proc/nonexistent"};
	struct output o = OUTPUT_INIT;
	char *p = zalloc(OUTPUT_MEMORY);

	(void)state;
	put(&o, 10);
	assert_int_equal(output_put(&o, &nowhere, bytes_of(p, OUTPUT_MEMORY),
				    INT64_MAX),
			 -ENOENT);
	/* What was there before is still there. */
	assert_int_equal(o.size, 10);
	check(&o, 10);
	output_done(&o);
	free(p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_small_stays_in_memory),
	cmocka_unit_test(test_large_goes_to_a_file),
	cmocka_unit_test(test_limit),
	cmocka_unit_test(test_no_place_for_a_file),
};

UNIT_MAIN(tests)
