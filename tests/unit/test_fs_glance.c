#include "tests/unit/unit.h"
#include "base/loop.h"
#include "base/parse.h"
#include "drawing/bar.h"
#include "fs/glance/page.h"
#include "fs/glance/page_parts.h"
#include "fs/glance/top.h"
#include "fs/link/bridge.h"
#include "fs/link/link.h"
#include "fs/mirror/group.h"
#include "fs/mirror/merge.h"
#include "fs/mirror/merge_pool.h"
#include "fs/mirror/sync.h"

#define SEC 1000000LL

static struct park parks;
static struct mirror m;
static struct sync sync_;
static struct link line = {.state = LINK_UP};
static struct bridge bridge;
static struct fs fs = {.mirror = &m, .sync = &sync_, .link = &line,
		       .bridge = &bridge, .park = &parks, .source = "lab"};
static struct buf text;

static void no_retry(struct waiter *w)
{
	(void)w;
}

static int begin(void **state)
{
	(void)state;
	fs.loop = loop_new();
	fs.shared = false;
	park_init(&parks, fs.loop, no_retry);
	mirror_init(&m, &parks);
	return 0;
}

static int end(void **state)
{
	(void)state;
	mirror_done(&m);
	park_done(&parks, -EINTR);
	loop_free(fs.loop);
	buf_done(&text);
	return 0;
}

/* Adds what printf makes of it, as told by a change, or in a listing. */
static struct result *add(bool whole, const char *fmt, ...) printf_like(2, 3);
static struct result *add(bool whole, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	struct result *r;
	va_list ap;
	int err = 0;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	r = merge_result(&m, buf_bytes(&b), 1, whole, NULL, &err);
	buf_done(&b);
	return r;
}

static struct result *add_of(int id, const char *status, int uid)
{
	return add(false, "{\"id\":%d,\"submitted\":1000,\"kind\":\"task\",\"tasks\":1,"
		   "\"status\":\"%s\",\"uid\":%d,\"elapsed\":3000000,"
		   "\"why\":\"hold\",\"task\":{\"engine\":1}}", id, status, uid);
}

static void add_engine(int id, const char *running)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "{\"id\":%d,\"state\":\"busy\",\"host\":\"a\\u001bb\",\"slots\":2,"
		   "\"free\":1,\"running\":[%s]}", id, running);
	merge_engine(&m, buf_bytes(&b), 1, false);
	buf_done(&b);
}

static const char *top(uid_t uid)
{
	struct obj o = {.fs = &fs, .by = {.uid = uid}};
	struct glance g;

	glance_init(&g, &o);
	buf_clear(&text);
	top_put(&g, &text);
	return buf_str(&text);
}

/* Whatever there is, it is one screen. */
static void expect_bounds(void)
{
	struct bytes rest = buf_bytes(&text), one;
	size_t lines = 0;

	while (parse_line(&rest, &one)) {
		assert_true(bar_columns(one) <= TOP_COLUMNS);
		lines++;
	}
	assert_true(lines <= TOP_LINES);
}

static void test_nothing(void **state)
{
	(void)state;
	assert_non_null(strstr(top(0), "lab: connected"));
	assert_non_null(strstr(text.p, "0 engines"));
	assert_null(strstr(text.p, "RUNS"));
	expect_bounds();
}

static void test_what_runs_waits_and_failed(void **state)
{
	(void)state;
	add_engine(0, "\"3/1\",\"3/2\"");
	add_engine(1, "\"3/7\"");
	add_engine(2, "\"4\"");
	add(false, "{\"id\":3,\"submitted\":1000,\"kind\":\"map\",\"tasks\":8,"
	    "\"status\":\"running\",\"elapsed\":3000000,\"count\":[5,2,1,0,0]}");
	add_of(4, "running", 0);
	add_of(5, "pending", 0);
	add_of(6, "error", 0);
	top(0);
	assert_non_null(strstr(text.p, "\n3       0-1 "));
	assert_non_null(strstr(text.p, "1/8"));
	assert_non_null(strstr(text.p, "\n4       2 "));
	assert_non_null(strstr(text.p, "\n5       3 s                         hold\n"));
	assert_non_null(strstr(text.p, "\n6       "));
	assert_non_null(strstr(text.p, "a\\x1bb\n"));
	assert_null(strstr(text.p, "more"));
	expect_bounds();
}

static void test_many_are_cut(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		add_engine(i, "");
	for (i = 1; i <= 5000; i++)
		add_of(i, i <= 50 ? "running" : i <= 2000 ? "pending" : "error", 0);
	merge_pool(&m, bytes_str("{\"pool\":\"gpu\",\"state\":\"ready\","
				 "\"why\":\"a long\\nreason\"}"), 1, true);
	top(0);
	expect_bounds();
	assert_non_null(strstr(text.p, "and 97 more\nRUNS"));
	assert_non_null(strstr(text.p, "and 48 more\nWAITS"));
	assert_non_null(strstr(text.p, "and 1948 more\nFAILED"));
	assert_non_null(strstr(text.p, "\nand more\nPOOL"));
	assert_non_null(strstr(text.p, "\n5000    "));
	assert_non_null(strstr(text.p, "\ngpu "));
	assert_non_null(strstr(text.p, " a long\n"));
}

static void test_each_sees_his_own(void **state)
{
	(void)state;
	fs.shared = true;
	add_of(3, "pending", 12);
	add_of(4, "pending", 13);
	top(12);
	assert_non_null(strstr(text.p, "\n3 "));
	assert_null(strstr(text.p, "\n4 "));
	assert_non_null(strstr(text.p, "and 1 more\n"));
	top(0);
	assert_non_null(strstr(text.p, "\n4 "));
}

static void test_columns_of_wide_text(void **state)
{
	(void)state;
	add(false, "{\"id\":3,\"submitted\":1000,\"kind\":\"task\",\"tasks\":1,\"status\":"
	    "\"running\",\"name\":\"\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
	    "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\",\"elapsed\":1}");
	/* Seven of them, a dot, and the blank. */
	assert_non_null(strstr(top(0), "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
				       "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5. running"));
}

/* --- the page ----------------------------------------------------------- */

static const char *page(void)
{
	struct obj o = {.fs = &fs};
	struct glance g;

	glance_init(&g, &o);
	buf_clear(&text);
	page_put(&g, &text);
	return buf_str(&text);
}

static unsigned count(const char *what)
{
	const char *p = text.p;
	unsigned n = 0;

	for (; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void test_a_page_of_nothing(void **state)
{
	(void)state;
	assert_non_null(strstr(page(), "0 engines"));
	assert_null(strstr(text.p, "<table"));
	assert_null(strstr(text.p, "<svg"));
	assert_int_equal(count("</section>"), 1);
}

#define EVIL "<script>'\\\"&"
#define GOOD "&lt;script&gt;&#39;&quot;&amp;"

/* Everything that somebody else has written. */
static void test_foreign_text_stays_text(void **state)
{
	(void)state;
	add(false, "{\"id\":3,\"submitted\":1000,\"kind\":\"task\",\"tasks\":1,"
	    "\"status\":\"pending\",\"why\":\"why" EVIL "\",\"elapsed\":1}");
	add(false, "{\"id\":4,\"submitted\":1000,\"kind\":\"task\",\"tasks\":1,"
	    "\"status\":\"error\",\"elapsed\":1,\"task\":{\"ename\":\"ename" EVIL
	    "\",\"evalue\":\"evalue" EVIL "\",\"traceback\":\"trace" EVIL "\"}}");
	merge_engine(&m, bytes_str("{\"id\":0,\"state\":\"state" EVIL
				   "\",\"host\":\"host" EVIL "\",\"running\":"
				   "[\"3" EVIL "\"]}"), 1, false);
	merge_pool(&m, bytes_str("{\"pool\":\"gpu\",\"state\":\"state" EVIL
				 "\",\"why\":\"because" EVIL "\"}"), 1, true);
	queues_set(&m, bytes_str("[{\"queue\":\"disk\",\"limit\":4,\"paused\":true,"
				 "\"waiting\":3,\"running\":2}]"));
	fs.source = "source<script>'\"&";
	page();
	fs.source = "lab";
	assert_int_equal(count("<script>"), 1);
	assert_int_equal(count("state" GOOD), 2);
	assert_int_equal(count("why" GOOD), 1);
	assert_int_equal(count("because" GOOD), 1);
	assert_int_equal(count("disk</th><td>paused</td><td class=\"n\">2</td>"
			       "<td class=\"n\">3</td><td class=\"n\">4</td>"), 1);
	assert_int_equal(count("host" GOOD), 1);
	assert_int_equal(count("source" GOOD), 2);
	assert_int_equal(count("ename" GOOD), 1);
	assert_int_equal(count("evalue" GOOD), 1);
}

static void test_a_page_is_bounded(void **state)
{
	struct result *r;
	struct task t = {.started = 1, .state = STATE_ERROR};
	struct buf slots = BUF_INIT;
	char line_of[4000];
	uint32_t i;

	(void)state;
	memset(line_of, '<', sizeof(line_of) - 1);
	line_of[sizeof(line_of) - 1] = '\0';
	for (i = 0; i < 100; i++)
		buf_printf(&slots, "%s\"%u\"", i ? "," : "", i + 1);
	for (i = 1; i <= 3000; i++)
		add(false, "{\"id\":%u,\"submitted\":1000,\"kind\":\"task\",\"tasks\":1,"
		    "\"status\":\"%s\",\"why\":\"%s\",\"started\":1,\"elapsed\":1,"
		    "\"task\":{\"engine\":1,\"ename\":\"E\",\"evalue\":\"%s\"}}", i,
		    i <= 1000 ? "running" : i <= 2000 ? "pending" : "error", line_of,
		    line_of);
	for (i = 0; i < 1000; i++)
		add_engine((int)i, buf_str(&slots));
	r = mirror_result(&m, 1);
	for (i = 0; i < RECENT_KEPT; i++) {
		t.engine = (int32_t)(i % 1000);
		recent_add(&m.recent, r, i, &t);
	}
	page();
	assert_true(text.n < PAGE_MOST);
	assert_non_null(strstr(text.p, "</html>"));
	assert_non_null(strstr(text.p, "and 900 more"));
	assert_int_equal(count("<article"), PAGE_FAILED);
	buf_done(&slots);
}

/* --- what ended lately -------------------------------------------------- */

static void end_of(int id, const char *status, int64_t ago)
{
	add(true, "{\"id\":%d,\"submitted\":%lld,\"kind\":\"task\",\"tasks\":1,\"status\":"
	    "\"%s\",\"started\":%lld,\"completed\":%lld,\"elapsed\":%lld,"
	    "\"began\":1,\"serial\":1000000,\"task\":{\"engine\":4}}", id,
	    (long long)(now_usec() - ago - 2 * SEC), status,
	    (long long)(now_usec() - ago - SEC), (long long)(now_usec() - ago),
	    2 * SEC);
}

static void test_lately(void **state)
{
	struct obj o = {.fs = &fs};
	struct glance g;

	(void)state;
	end_of(1, "ok", 20 * SEC);
	end_of(2, "error", 2 * SEC);
	end_of(3, "ok", 300 * SEC);
	end_of(4, "ok", 7200 * SEC);
	/* What was aborted before it began is no work. */
	add(true, "{\"id\":5,\"submitted\":1000,\"kind\":\"task\",\"tasks\":1,\"status\":"
	    "\"aborted\",\"elapsed\":1}");
	assert_int_equal(recent_count(&m.recent), 3);
	glance_init(&g, &o);
	assert_int_equal(g.ended, 2);
	assert_int_equal(g.failed, 1);
	assert_int_equal(glance_ended_by(&g, 4), 2);
	assert_int_equal(glance_ended_by(&g, 5), 0);
}

static void test_an_end_told_twice(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++)
		add(true, "{\"id\":1,\"submitted\":1000,\"kind\":\"task\",\"tasks\":1,"
		    "\"status\":\"ok\",\"started\":2000,\"completed\":%lld,"
		    "\"elapsed\":1,\"task\":{\"engine\":4}}",
		    (long long)now_usec());
	assert_int_equal(recent_count(&m.recent), 1);
}

static void test_very_many_lately(void **state)
{
	struct obj o = {.fs = &fs};
	struct result *r = add_of(1, "running", 0);
	struct task t = {.started = 1, .state = STATE_OK};
	struct glance g;
	uint32_t i;

	(void)state;
	for (i = 0; i < RECENT_KEPT + 7; i++)
		recent_add(&m.recent, r, i, &t);
	assert_int_equal(recent_count(&m.recent), RECENT_KEPT);
	assert_int_equal(recent_get(&m.recent, 0)->index, RECENT_KEPT + 6);
	assert_int_equal(recent_get(&m.recent, RECENT_KEPT - 1)->index, 7);
	glance_init(&g, &o);
	assert_true(g.span < GLANCE_SPAN);
	assert_int_equal(g.ended, RECENT_KEPT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static const struct CMUnitTest tests[] = {
	TEST(test_nothing),
	TEST(test_what_runs_waits_and_failed),
	TEST(test_many_are_cut),
	TEST(test_each_sees_his_own),
	TEST(test_columns_of_wide_text),
	TEST(test_a_page_of_nothing),
	TEST(test_foreign_text_stays_text),
	TEST(test_a_page_is_bounded),
	TEST(test_lately),
	TEST(test_an_end_told_twice),
	TEST(test_very_many_lately),
};

UNIT_MAIN(tests)
