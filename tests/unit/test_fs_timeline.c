#include "tests/unit/unit.h"
#include "fs/drawing/timeline.h"


#define LOOKS_OF_LEGEND 4

static void from_array(const void *arg, uint64_t i, struct timeline_bar *ret)
{
	*ret = ((const struct timeline_bar *)arg)[i];
}

static struct timeline of(const struct timeline_bar *bar, uint64_t n)
{
	return (struct timeline){
		.id = 7,
		.task = -1,
		.status = STATE_OK,
		.submitted = 1000000,
		.now = 11000000,
		.n = n,
		.bar = from_array,
		.arg = bar,
	};
}

static unsigned count(const struct buf *b, const char *what)
{
	const char *p = b->p;
	unsigned n = 0;

	while ((p = strstr(p, what))) {
		p += strlen(what);
		n++;
	}
	return n;
}

static const char *draw(const struct timeline *t, struct buf *b)
{
	buf_clear(b);
	timeline_put(t, b);
	return buf_str(b);
}

#define BAR(engine_, start_, end_, state_)                                     \
	{.engine = engine_, .start = start_, .end = end_, .state = state_,     \
	 .attempt = 1}

static void test_nothing_has_begun(void **state)
{
	static const struct timeline_bar bars[] = {
		BAR(-1, 0, 0, STATE_PENDING),
		BAR(-1, 0, 5000000, STATE_ABORTED),
	};
	struct timeline t = of(bars, ARRAY_SIZE(bars));
	struct buf b = BUF_INIT;

	(void)state;
	assert_non_null(strstr(draw(&t, &b), "no task has begun"));
	t.n = 0;
	assert_non_null(strstr(draw(&t, &b), "no task has begun"));
	buf_done(&b);
}

static void test_one_bar_fills_the_plot(void **state)
{
	static const struct timeline_bar bars[] = {
		BAR(3, 2000000, 4000000, STATE_OK),
	};
	struct timeline t = of(bars, 1);
	struct buf b = BUF_INIT;

	(void)state;
	t.count[STATE_OK] = 1;
	draw(&t, &b);
	assert_non_null(strstr(b.p, "<rect class=\"ok\" x=\"84.0\" y=\"85\" "
				    "width=\"1096.0\" height=\"18\">"
				    "<title>task 0: ok, engine 3, 2.000000 s"));
	assert_non_null(strstr(b.p, "1 task: 1 ok; 1 engine, 100 % busy for "
				    "2.000 s; began 1.000 s after"));
	assert_non_null(strstr(b.p, ">0.2<"));
	assert_non_null(strstr(b.p, ">2.0<"));
	buf_done(&b);
}

static void test_what_runs_is_drawn_to_now(void **state)
{
	static const struct timeline_bar bars[] = {
		BAR(0, 1000000, 6000000, STATE_OK),
		BAR(1, 6000000, 0, STATE_RUNNING),
	};
	struct timeline t = of(bars, 2);
	struct buf b = BUF_INIT;

	(void)state;
	draw(&t, &b);
	assert_non_null(strstr(b.p, "class=\"running\" x=\"632.0\" y=\"105\" "
				    "width=\"548.0\""));
	assert_non_null(strstr(b.p, "2 engines, 50 % busy for 10.000 s"));
	buf_done(&b);
}

/* Clocks differ: an end before the start, a start after now. */
static void test_times_that_cannot_be(void **state)
{
	static const struct timeline_bar bars[] = {
		BAR(0, 5000000, 4000000, STATE_OK),
		BAR(0, 99000000, 0, STATE_RUNNING),
		BAR(1, 1, INT64_MAX / 2, STATE_ERROR),
		BAR(2, -5, 3, STATE_OK),
		BAR(-7, 5, 9, STATE_OK),
	};
	struct timeline t = of(bars, ARRAY_SIZE(bars));
	struct buf b = BUF_INIT;

	(void)state;
	draw(&t, &b);
	assert_int_equal(count(&b, "<title>task"), 3);
	assert_int_equal(count(&b, "nan"), 0);
	assert_int_equal(count(&b, "inf"), 0);
	t.n = 1;
	draw(&t, &b);
	assert_non_null(strstr(b.p, "width=\"1.0\""));
	buf_done(&b);
}

static void test_foreign_text(void **state)
{
	struct timeline t = of(NULL, 0);
	struct buf b = BUF_INIT;

	(void)state;
	t.label = bytes_of("a<b>&\"c\x01\xff\xef\xbf\xbf\xc3\xa9", 14);
	draw(&t, &b);
	assert_int_equal(count(&b, "(a&lt;b&gt;&amp;&quot;c\xef\xbf\xbd\xef\xbf\xbd"
				   "\xef\xbf\xbd\xc3\xa9)"),
			 2);
	buf_done(&b);
}

static struct timeline_bar *many(uint64_t n, int64_t engines)
{
	struct timeline_bar *bar = zalloc(n * sizeof(*bar));
	uint64_t i;

	for (i = 0; i < n; i++)
		bar[i] = (struct timeline_bar){
			.engine = (int64_t)i % engines,
			.start = 1000000 + (int64_t)(i * 7919 % n) * 100,
			.end = 1000000 + (int64_t)(i * 7919 % n) * 100 +
			       (int64_t)(i % 97),
			.state = i % 3 ? STATE_OK : STATE_ABORTED,
			.task = i,
			.attempt = 1,
		};
	return bar;
}

/* However many there are, the picture has a size. */
static void test_many_stay_small(void **state)
{
	static const struct {
		uint64_t n;
		int64_t engines;
	} rows[] = {{1000, 1000}, {1001, 1001}, {100000, 1},  {100000, 3},
		    {100000, 1000}, {300000, 65}, {200000, 65536}};
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct timeline_bar *bar = many(rows[i].n, rows[i].engines);
		struct timeline t = of(bar, rows[i].n);

		draw(&t, &b);
		assert_true(b.n > 2000 && b.n < TIMELINE_MOST);
		free(bar);
	}
	buf_done(&b);
}

/* One failure among a hundred thousand, shorter than anything. */
static void test_a_failure_is_never_lost(void **state)
{
	struct timeline_bar *bar = many(100000, 3);
	struct timeline t = of(bar, 100000);
	struct buf b = BUF_INIT;

	(void)state;
	draw(&t, &b);
	assert_int_equal(count(&b, "path class=\"error"), 0);
	bar[50000].state = STATE_ERROR;
	bar[50000].end = bar[50000].start;
	draw(&t, &b);
	assert_int_equal(count(&b, "path class=\"error"), 1);
	free(bar);
	buf_done(&b);
}

/* How pale: half of the time is work, all of it, a little. */
static void test_how_busy_it_was_shows(void **state)
{
	struct timeline_bar *bar = zalloc(30000 * sizeof(*bar));
	struct timeline t = of(bar, 30000);
	struct buf b = BUF_INIT;
	int i;

	(void)state;
	for (i = 0; i < 30000; i++) {
		bar[i].engine = i % 3;
		bar[i].start = 1000000 + i / 3 * 100;
		bar[i].end = bar[i].start + (i % 3 == 0	  ? 100
					     : i % 3 == 1 ? 50
							  : 20);
		bar[i].state = STATE_OK;
	}
	draw(&t, &b);
	assert_non_null(strstr(b.p, "\"ok l4\" d=\"M84 94"));
	/* A pixel is no whole number of tasks. */
	assert_non_null(strstr(b.p, "\"ok l3\" d=\"M84 114"));
	assert_null(strstr(b.p, "\"ok l4\" d=\"M84 114"));
	assert_non_null(strstr(b.p, "\"ok l1\" d=\"M84 134"));
	free(bar);
	buf_done(&b);
}

static void test_labels_of_rows(void **state)
{
	struct timeline_bar *bar = many(65536, 65536);
	struct timeline t = of(bar, 4);
	struct buf b = BUF_INIT;

	(void)state;
	draw(&t, &b);
	assert_non_null(strstr(b.p, ">0</text>"));
	assert_non_null(strstr(b.p, ">3</text>"));
	/* They share rows, and those do not touch each other's labels. */
	t.n = 65536;
	draw(&t, &b);
	assert_non_null(strstr(b.p, ">0-65</text>"));
	assert_true(count(&b, "class=\"r\"") < 300);
	free(bar);
	buf_done(&b);
}

static void test_several_at_a_time(void **state)
{
	static const struct timeline_bar bars[] = {
		BAR(5, 2000000, 6000000, STATE_OK),
		BAR(3, 4000000, 6000000, STATE_OK),
		BAR(3, 3000000, 5000000, STATE_OK),
		BAR(3, 2000000, 4000000, STATE_OK),
	};
	struct timeline t = of(bars, ARRAY_SIZE(bars));
	struct buf b = BUF_INIT;

	(void)state;
	draw(&t, &b);
	/* The third begins where the first ends, beside the second. */
	assert_non_null(strstr(b.p, "x=\"84.0\" y=\"85\" width=\"548.0\""));
	assert_non_null(strstr(b.p, "x=\"358.0\" y=\"105\" width=\"548.0\""));
	assert_non_null(strstr(b.p, "x=\"632.0\" y=\"85\" width=\"548.0\""));
	assert_non_null(strstr(b.p, "x=\"84.0\" y=\"125\" width=\"1096.0\""));
	assert_non_null(strstr(b.p, "y=\"98\">3</text>"));
	assert_non_null(strstr(b.p, "y=\"138\">5</text>"));
	assert_int_equal(count(&b, "class=\"r\""), 3);
	assert_non_null(strstr(b.p, "2 engines, 83 % busy for 4.000 s"));
	buf_done(&b);
}

static void test_many_at_a_time(void **state)
{
	struct timeline_bar *bar = zalloc(30000 * sizeof(*bar));
	struct timeline t = of(bar, 30000);
	struct buf b = BUF_INIT;
	int i;

	(void)state;
	/* Eight at a time, and four in the second half. */
	for (i = 0; i < 30000; i++) {
		bar[i].engine = 0;
		bar[i].start = i < 20000 ? 1000000 + i / 8 * 400
					 : 2000000 + (i - 20000) / 4 * 400;
		bar[i].end = bar[i].start + 400;
		bar[i].state = STATE_OK;
	}
	draw(&t, &b);
	assert_non_null(strstr(b.p, "\"ok l4\" d=\"M84 94h548\""));
	assert_non_null(strstr(b.p, "\"ok l2\" d=\"M632 94h548\""));
	assert_non_null(strstr(b.p, "1 engine, 75 % busy for 2.000 s"));
	free(bar);
	buf_done(&b);
}

/* As a part of a page: to now, a row for each engine, and what was over before is not
   drawn. */
static void test_of_a_page(void **state)
{
	static const int64_t engines[] = {2, 5, 9};
	static const struct timeline_bar bars[] = {
		BAR(5, 1000000, 2000000, STATE_OK),
		BAR(5, 3000000, 5000000, STATE_ERROR),
		{.engine = 9, .start = 7000000, .state = STATE_RUNNING,
		 .result = 3, .task = 8, .attempt = 1},
	};
	struct timeline t = of(bars, ARRAY_SIZE(bars));
	struct buf b = BUF_INIT;

	(void)state;
	t.from = 4000000;
	t.now = 8000000;
	t.engine = engines;
	t.nengines = ARRAY_SIZE(engines);
	draw(&t, &b);
	assert_memory_equal(b.p, "<svg ", 5);
	assert_int_equal(count(&b, "<rect class=\"ok\" x=\"84.0\" y=\"85\""), 0);
	assert_int_equal(count(&b, ">2</text>"), 1);
	assert_int_equal(count(&b, ">5</text>"), 1);
	assert_non_null(strstr(b.p, "<rect class=\"error\" x=\"84.0\" y=\"105\" "
				    "width=\"274.0\""));
	assert_non_null(strstr(b.p, "x=\"906.0\" y=\"125\" width=\"274.0\" "
				    "height=\"18\"><title>result 3, task 8: running"));
	assert_non_null(strstr(b.p, "seconds ago"));
	t.now = 600000000;
	assert_non_null(strstr(draw(&t, &b), "minutes ago"));
	t.n = 0;
	draw(&t, &b);
	assert_int_equal(count(&b, ">9</text>"), 2); /* and a tick */
	assert_int_equal(count(&b, "<rect"), LOOKS_OF_LEGEND);
	buf_done(&b);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_nothing_has_begun),
	cmocka_unit_test(test_one_bar_fills_the_plot),
	cmocka_unit_test(test_what_runs_is_drawn_to_now),
	cmocka_unit_test(test_times_that_cannot_be),
	cmocka_unit_test(test_foreign_text),
	cmocka_unit_test(test_many_stay_small),
	cmocka_unit_test(test_a_failure_is_never_lost),
	cmocka_unit_test(test_how_busy_it_was_shows),
	cmocka_unit_test(test_labels_of_rows),
	cmocka_unit_test(test_several_at_a_time),
	cmocka_unit_test(test_many_at_a_time),
	cmocka_unit_test(test_of_a_page),
};

int main(void)
{
	unit_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
