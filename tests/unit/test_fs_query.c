#include "tests/unit/unit.h"
#include "base/loop.h"
#include "fs/mirror/group.h"
#include "fs/mirror/merge.h"
#include "fs/open/await.h"
#include "fs/park/caller.h"
#include "fs/query/by.h"
#include "wire/ids.h"

static struct park parks;
static struct mirror m;
static struct callers callers;
static struct awaits awaits;
static struct queries queries;
static struct fs fs = {.mirror = &m, .park = &parks, .callers = &callers,
		       .awaits = &awaits, .queries = &queries};

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
	callers_init(&callers);
	awaits = (struct awaits){0};
	list_init(&awaits.waiting);
	queries_init(&queries, &fs);
	return 0;
}

static int end(void **state)
{
	(void)state;
	queries_done(&queries);
	callers_done(&callers);
	mirror_done(&m);
	park_done(&parks, -EINTR);
	loop_free(fs.loop);
	return 0;
}

static struct result *add(const char *text)
{
	int err = 0;
	struct result *r = merge_result(&m, bytes_str(text), 1, true, NULL, &err);

	assert_non_null(r);
	return r;
}

/* --- terms -------------------------------------------------------------- */

static bool matches(const struct result *r, const char *text)
{
	struct buf why = BUF_INIT;
	struct query q;

	if (query_parse(&q, bytes_str(text), &why))
		fail_msg("%s: %s", text, buf_str(&why));
	buf_done(&why);
	return query_matches(&q, r);
}

static void refuses(const char *text, const char *reason)
{
	struct buf why = BUF_INIT;
	struct query q;

	assert_int_equal(query_parse(&q, bytes_str(text), &why), -EINVAL);
	assert_non_null(strstr(buf_str(&why), reason));
	buf_done(&why);
}

#define EACH(r, list, want)                                                    \
	for (size_t i_ = 0; i_ < ARRAY_SIZE(list); i_++)                       \
		if (matches(r, list[i_]) != (want))                            \
			fail_msg("%s", list[i_])

static void test_one_task(void **state)
{
	static const char *const yes[] = {
		"status=error", "status=failed", "status=*r*", "status!=ok",
		"status!=unfinished", "label=build-1", "name=b*-?", "label!=x*",
		"engine=3", "engine=2-4", "engine!=2", "engine>=3", "engine<4",
		"engine_id=3", "exit=1-255", "exit_status>1", "owner=12", "owner!=0",
		"result=7", "result<=7", "tasks=1", "failed=1", "failed>0", "tries=2",
		"ended=1", "memory>=1M", "memory=1M-2M", "seconds>1.5", "seconds<=2s",
		"user<1", "system>=500ms", "submitted=2026-11-29",
		"submitted=2026-11-29T14", "submitted=2026-11-29T14:31",
		"submitted=2026-11-29T14:31:05", "submitted>2026-11-28",
		"submitted>=2026-11-29", "submitted<2026-11-30", "submitted<=2026-11-29",
		"submitted<2026-11-29T14:31:06Z", "start>2026-11-29T14:30",
		"status=error,label=b*,engine=3",
	};
	static const char *const no[] = {
		"status=ok", "status!=failed", "status=unfinished", "label=build",
		"label=?", "label!=b*", "engine=4", "engine!=3", "engine>3",
		"engine<3", "exit=0", "exit<3", "owner=1", "result=8", "result>7",
		"memory<1M", "seconds>2", "submitted=2026-11-28",
		"submitted!=2026-11-29", "submitted>2026-11-29",
		"submitted<2026-11-29T14:31", "status=error,label=x",
	};
	int64_t t;
	struct result *r;
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(date_parse(bytes_str("2026-11-29T14:31:05.5Z"), &t), 0);
	buf_printf(&b, "{\"id\":7,\"name\":\"build-1\",\"submitted\":%lld,\"kind\":\"task\","
		   "\"tasks\":1,\"status\":\"error\",\"uid\":12,\"count\":[0,0,0,1,0],"
		   "\"started\":%lld,\"completed\":%lld,\"serial\":2000000,\"elapsed\":1,"
		   "\"options\":{},\"task\":{\"engine\":3,\"attempt\":2,\"exit_status\":3,"
		   "\"usage\":{\"user\":0.25,\"system\":0.5,\"memory\":1048576}}}",
		   (long long)t, (long long)t + 1, (long long)t + 2000001);
	r = add(buf_str(&b));
	buf_done(&b);
	EACH(r, no, false);
	EACH(r, yes, true);
}

static void test_what_is_not_known_matches_nothing(void **state)
{
	static const char *const no[] = {
		"exit=0", "exit!=0", "engine=0", "engine!=0", "start>1970-01-01",
		"end<-1s", "seconds>=0", "memory>=0", "label=*x",
	};
	struct result *r = add("{\"id\":7,\"submitted\":1000,\"kind\":\"task\","
			       "\"tasks\":1,\"status\":\"pending\",\"elapsed\":1}");

	(void)state;
	EACH(r, no, false);
	assert_true(matches(r, "submitted<-1h"));
	assert_false(matches(r, "submitted>-1h"));
	assert_true(matches(r, "label="));
	assert_true(matches(r, "status=pending,failed=0,ended=0"));
}

static void test_a_map_has_the_engines_of_its_tasks(void **state)
{
	struct task t = {.state = STATE_RUNNING, .engine = 3, .exit_status = -1,
			 .signal = -1};
	struct result *r = add("{\"id\":7,\"submitted\":1000,\"kind\":\"map\","
			       "\"tasks\":4,\"status\":\"running\",\"elapsed\":1}");

	(void)state;
	assert_false(matches(r, "engine>=0"));
	group_change(r->group, 2, &t, &USAGE_UNKNOWN, 2);
	t.engine = 8;
	group_change(r->group, 3, &t, &USAGE_UNKNOWN, 2);
	assert_true(matches(r, "engine=3"));
	assert_true(matches(r, "engine=8"));
	assert_true(matches(r, "engine>3"));
	assert_true(matches(r, "engine!=4"));
	assert_false(matches(r, "engine=4-7"));
	assert_false(matches(r, "engine!=3"));
	assert_false(matches(r, "engine>8"));
}

static void test_no_queries(void **state)
{
	char many[17 * 9 + 1] = "";
	size_t i;

	(void)state;
	refuses("", "is no term");
	refuses("status", "is no term");
	refuses("status=ok,", "is no term");
	refuses("stat=ok", "\"status\"");
	refuses("stat\x01=ok", "\\x01");
	refuses("status=done", "pending, running");
	refuses("status=", "pending, running");
	refuses("status>ok", "= and !=");
	refuses("label<a", "= and !=");
	refuses("engine=", "a number");
	refuses("engine=a", "a number");
	refuses("engine=7-2", "a number");
	refuses("engine=-2", "a number");
	refuses("engine==2", "a number");
	refuses("seconds=x", "seconds");
	refuses("submitted=today", "2026-11-29");
	refuses("submitted=2026-13-01", "2026-11-29");
	refuses("submitted=-", "2026-11-29");
	refuses("submitted=2026-11-29Tab", "2026-11-29");
	for (i = 0; i < 17; i++)
		memcpy(many + i * 9, "engine=1,", 9);
	many[17 * 9 - 1] = '\0';
	refuses(many, "16 terms");
}

static void test_globs(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool is;
	} globs[] = {
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true},
		{"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "abc", true},
		{"a*b*c", "axbxbxc", true}, {"a*b*c", "axbxbx", false},
		{"?", "a", true}, {"?", "\xc3\xa4", true}, {"?", "", false},
		{"??", "\xc3\xa4", false}, {"a?c", "a\xe6\x97\xa5""c", true},
		{"**", "a", true}, {"a**", "a", true}, {"*\xc3\xa4", "x\xc3\xa4", true},
		{"[a]", "a", false}, {"[a]", "[a]", true}, {"abc", "ab", false},
	};
	char text[4096];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(globs); i++)
		if (query_glob(bytes_str(globs[i].pattern), bytes_str(globs[i].text)) !=
		    globs[i].is)
			fail_msg("%s %s", globs[i].pattern, globs[i].text);
	/* Many stars do not make it slow. */
	memset(text, 'a', sizeof(text));
	assert_false(query_glob(bytes_str("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"),
				bytes_of(text, sizeof(text))));
}

/* --- directories -------------------------------------------------------- */

static struct obj dir_of(const char *text, uid_t uid)
{
	struct obj o = {.fs = &fs, .by = {.uid = uid}};

	assert_true(query_class.find(&o, bytes_str(text)));
	return o;
}

/* The directory is opened; returns after how many further turns that was answered. */
static unsigned open_dir(const struct obj *dir)
{
	uint64_t since = mono_usec();
	unsigned turns = 0;
	int err;

	while ((err = query_refresh(dir, since)) == -EINPROGRESS) {
		queries.work.run(&queries.work);
		turns++;
	}
	assert_int_equal(err, 0);
	return turns;
}

static size_t list(const struct obj *dir, uint32_t *ret, size_t most)
{
	struct obj o = *dir;
	uint64_t from = 0;
	size_t n = 0;

	while (match_class.next(&o, from, &from) && n < most) {
		ret[n++] = o.id;
		from++;
		o = *dir;
	}
	return n;
}

static void add_many(uint32_t n, enum state s)
{
	uint64_t id = mirror_latest(&m) ? mirror_latest(&m)->id : 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		mirror_set_status(&m, mirror_add_result(&m, ++id), s);
}

static void test_a_turn_looks_at_a_part(void **state)
{
	static uint32_t ids[4 * FOUND_SLICE];
	struct obj all, ok, failed, running, unfinished;

	(void)state;
	add_many(3 * FOUND_SLICE, STATE_OK);
	add_many(3, STATE_ERROR);
	add_many(2, STATE_ABORTED);
	add_many(2, STATE_RUNNING);
	add_many(1, STATE_PENDING);
	all = dir_of("status=*", 0);
	assert_int_equal(open_dir(&all), 3);
	assert_int_equal(list(&all, ids, ARRAY_SIZE(ids)), 3 * FOUND_SLICE + 8);
	assert_int_equal(ids[0], 1);
	ok = dir_of("status=ok", 0);
	assert_int_equal(open_dir(&ok), 3);
	assert_int_equal(list(&ok, ids, ARRAY_SIZE(ids)), 3 * FOUND_SLICE);
	/* Those are listed. */
	failed = dir_of("status=failed", 0);
	assert_int_equal(open_dir(&failed), 0);
	assert_int_equal(list(&failed, ids, ARRAY_SIZE(ids)), 5);
	running = dir_of("label!=x,status=running", 0);
	assert_int_equal(open_dir(&running), 0);
	assert_int_equal(list(&running, ids, ARRAY_SIZE(ids)), 2);
	unfinished = dir_of("status=unfinished", 0);
	assert_int_equal(open_dir(&unfinished), 0);
	assert_int_equal(list(&unfinished, ids, ARRAY_SIZE(ids)), 3);
}

static void test_who_reads_goes_on_while_another_looks_anew(void **state)
{
	uint32_t ids[8] = {0};
	struct obj dir;

	(void)state;
	add_many(2, STATE_ERROR);
	add_many(FOUND_SLICE, STATE_OK);
	dir = dir_of("tasks=0", 0);
	(void)open_dir(&dir);
	assert_int_equal(query_refresh(&dir, mono_usec() + 1000000), -EINPROGRESS);
	assert_int_equal(list(&dir, ids, 8), 8);
	/* What has gone since is left out. */
	mirror_purge(&m, 2);
	assert_int_equal(list(&dir, ids, 2), 2);
	assert_int_equal(ids[1], 3);
}

static void test_more_queries_than_are_kept(void **state)
{
	struct obj first, dir;
	uint32_t ids[8] = {0};
	char text[32];
	unsigned i;

	(void)state;
	add_many(3, STATE_ERROR);
	first = dir_of("result=2", 0);
	(void)open_dir(&first);
	for (i = 0; i < FOUND_MAX + 5; i++) {
		snprintf(text, sizeof(text), "result=%u", i + 10);
		dir = dir_of(text, 0);
		(void)open_dir(&dir);
	}
	assert_int_equal(queries.nfound, FOUND_MAX);
	assert_int_equal(list(&first, ids, 8), 1);
	assert_int_equal(ids[0], 2);
}

static void test_each_sees_his_own(void **state)
{
	struct obj mine, all, link;
	uint32_t ids[8] = {0};

	(void)state;
	fs.shared = true;
	add("{\"id\":7,\"submitted\":1000,\"tasks\":1,\"status\":\"error\",\"uid\":12}");
	add("{\"id\":8,\"submitted\":1000,\"tasks\":1,\"status\":\"error\",\"uid\":13}");
	mine = dir_of("status=failed", 12);
	all = dir_of("status=failed", 0);
	(void)open_dir(&mine);
	(void)open_dir(&all);
	assert_int_equal(list(&mine, ids, 8), 1);
	assert_int_equal(ids[0], 7);
	assert_int_equal(list(&all, ids, 8), 2);
	link = mine;
	assert_true(match_class.find(&link, bytes_str("7")));
	link = mine;
	assert_false(match_class.find(&link, bytes_str("8")));
	link = all;
	assert_true(match_class.find(&link, bytes_str("8")));
	link = dir_of("status=ok", 0);
	assert_false(match_class.find(&link, bytes_str("8")));
	link = all;
	assert_false(match_class.find(&link, bytes_str("08")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static const struct CMUnitTest tests[] = {
	TEST(test_one_task),
	TEST(test_what_is_not_known_matches_nothing),
	TEST(test_a_map_has_the_engines_of_its_tasks),
	TEST(test_no_queries),
	TEST(test_globs),
	TEST(test_a_turn_looks_at_a_part),
	TEST(test_who_reads_goes_on_while_another_looks_anew),
	TEST(test_more_queries_than_are_kept),
	TEST(test_each_sees_his_own),
};

UNIT_MAIN(tests)
