#include "tests/unit/unit.h"
#include "fs/cluster/events.h"
#include "fs/open/file.h"
#include "fs/mirror/mirror.h"
#include "fs/park/reply.h"

static struct mirror mirror;
static struct park parking;
static struct fs fs = {.mirror = &mirror, .park = &parking};
static struct event_ring *ev = &mirror.events;
static struct file f;
static struct obj o = {.fs = &fs};

static void no_retry(struct waiter *w)
{
	(void)w;
}

static int begin(void **state)
{
	(void)state;
	fs.born = 1;
	fs.loop = loop_new();
	park_init(fs.park, fs.loop, no_retry);
	mirror_init(fs.mirror, fs.park);
	f = (struct file){.fs = &fs};
	list_init(&f.waiter.link);
	return 0;
}

static int end(void **state)
{
	(void)state;
	events_io.release(&f);
	mirror_done(fs.mirror);
	park_done(fs.park, -EINTR);
	loop_free(fs.loop);
	return 0;
}

static void happen(int n)
{
	while (n--)
		event_ring_add(ev, EVENT_OF_RESULT, ev->next - ev->first, "ok");
}

static void reopen(void)
{
	if (f.private)
		events_io.release(&f);
	f.seen = 0;
	assert_int_equal(events_io.open(&f, &o), 0);
}

static int read_at(uint64_t off, size_t size, struct buf *out)
{
	struct ask ask = {.off = off, .size = size};
	struct answer a = {.pieces = 0};
	int err = events_io.read(&f, &o, &ask, &a);
	int i;

	for (i = 0; !err && i < a.pieces; i++)
		buf_put(out, a.iov[i].iov_base, a.iov[i].iov_len);
	return err;
}

/* The line at off: its number from the first, and the rest without blanks. */
static void expect(uint64_t off, uint64_t number, const char *want)
{
	struct buf b = BUF_INIT;
	const char *line, *rest;
	char *tail;

	assert_int_equal(read_at(off, EVENT_LINE, &b), 0);
	assert_int_equal(b.n, EVENT_LINE);
	line = buf_str(&b);
	assert_int_equal(line[EVENT_LINE - 1], '\n');
	rest = strchr(line, ' ');
	assert_int_equal(strtoull(line, &tail, 10), ev->first + number);
	while (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\n')
		buf_cut(&b, b.n - 1);
	buf_str(&b);
	assert_string_equal(rest + 1, want);
	buf_done(&b);
}

static void expect_err(uint64_t off, int err)
{
	struct buf b = BUF_INIT;

	assert_int_equal(read_at(off, 4096, &b), err);
	buf_done(&b);
}

static void test_begins_with_the_next(void **state)
{
	(void)state;
	happen(3);
	reopen();
	expect_err(0, -EAGAIN);
	assert_int_equal(events_io.ready(&f, &o), -EAGAIN);
	happen(2);
	assert_int_equal(events_io.ready(&f, &o), 0);
	expect(0, 3, "result 3 ok");
	assert_int_equal(events_io.ready(&f, &o), 0);
	expect(64, 4, "result 4 ok");
	assert_int_equal(events_io.ready(&f, &o), -EAGAIN);
	expect_err(128, -EAGAIN);
	/* A shell gives back what it read too much. */
	expect(64, 4, "result 4 ok");
	/* Size 0: nobody asked for the end. */
	assert_int_equal(events_io.size(&o), 0);
}

static void test_at_a_number(void **state)
{
	(void)state;
	happen(10);
	reopen();
	expect((ev->first + 7) * EVENT_LINE, 7, "result 7 ok");
	expect((ev->first + 9) * EVENT_LINE, 9, "result 9 ok");
	expect_err(ev->next * EVENT_LINE, -EAGAIN);
	expect_err((ev->next + 1) * EVENT_LINE, -EINVAL);
	happen(1);
	expect((ev->first + 10) * EVENT_LINE, 10, "result 10 ok");
}

static void test_in_pieces(void **state)
{
	struct buf all = BUF_INIT, pieces = BUF_INIT;
	uint64_t at;

	(void)state;
	reopen();
	happen(3);
	assert_int_equal(read_at(0, 4096, &all), 0);
	assert_int_equal(all.n, 3 * EVENT_LINE);
	for (at = 0; at < 3 * EVENT_LINE; at++)
		assert_int_equal(read_at(at, 1, &pieces), 0);
	assert_bytes(buf_bytes(&pieces), buf_bytes(&all));
	expect_err(at, -EAGAIN);
	/* From the midst of a line over the next. */
	buf_clear(&pieces);
	assert_int_equal(read_at(60, 100, &pieces), 0);
	assert_true(pieces.n >= 68 && pieces.n <= 100);
	assert_memory_equal(pieces.p, all.p + 60, pieces.n);
	buf_done(&all);
	buf_done(&pieces);
}

static void test_the_end_is_asked_for(void **state)
{
	(void)state;
	happen(5);
	reopen();
	events_io.end(&f);
	assert_int_equal(events_io.size(&o), 5 * EVENT_LINE);
	assert_int_equal(events_io.ready(&f, &o), -EAGAIN);
	expect(2 * EVENT_LINE, 2, "result 2 ok");
	expect(0, 0, "result 0 ok");
	happen(1);
	assert_int_equal(events_io.size(&o), 6 * EVENT_LINE);
	expect(5 * EVENT_LINE, 5, "result 5 ok");
	reopen();
	assert_int_equal(events_io.size(&o), 0);
}

static void test_falls_behind(void **state)
{
	(void)state;
	reopen();
	happen(1);
	expect(0, 0, "result 0 ok");
	happen(EVENTS_KEPT + 9);
	expect(64, 9, "missed 9");
	expect(64, 9, "missed 9");
	expect(128, 10, "result 10 ok");
	expect(192, 11, "result 11 ok");
}

static void test_from_before_this_mount(void **state)
{
	(void)state;
	happen(2);
	reopen();
	expect((ev->first - 5000) * EVENT_LINE, (uint64_t)-1,
	       "missed unmounted");
	expect((ev->first - 4999) * EVENT_LINE, 0, "result 0 ok");
	expect((ev->first - 4998) * EVENT_LINE, 1, "result 1 ok");
	expect_err((ev->first - 4997) * EVENT_LINE, -EAGAIN);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, begin, end)

static const struct CMUnitTest tests[] = {
	TEST(test_begins_with_the_next), TEST(test_at_a_number),
	TEST(test_in_pieces),		 TEST(test_the_end_is_asked_for),
	TEST(test_falls_behind),	 TEST(test_from_before_this_mount),
};

UNIT_MAIN(tests)
