#include "tests/unit/unit.h"
#include "base/loop.h"
#include "fs/cluster/events.h"
#include "fs/mirror/merge.h"
#include "fs/mirror/merge_pool.h"
#include "wire/pool_option.h"

static struct loop *loop;
static struct park parks;
static struct mirror m;

static void no_retry(struct waiter *w)
{
	(void)w;
}

static int begin(void **state)
{
	(void)state;
	loop = loop_new();
	park_init(&parks, loop, no_retry);
	mirror_init(&m, &parks);
	return 0;
}

static int end(void **state)
{
	(void)state;
	mirror_done(&m);
	park_done(&parks, -EINTR);
	loop_free(loop);
	return 0;
}

static struct result *merge(uint64_t seq, bool whole, const char *text)
{
	struct result *r;
	int err = 0;

	r = merge_result(&m, bytes_str(text), seq, whole, NULL, &err);
	return err ? NULL : r;
}

static void merge_engine_text(uint64_t seq, const char *text)
{
	merge_engine(&m, bytes_str(text), seq, false);
}

#define WHOLE(id, name, status) \
	"{\"id\":" id ",\"name\":\"" name "\",\"submitted\":1000,\"tasks\":1," \
	"\"status\":\"" status "\",\"options\":{\"label\":\"" name "\"}," \
	"\"task\":{\"engine\":null,\"stdout\":0}}"

static void test_older_never_overwrites(void **state)
{
	struct result *r = merge(5, true, WHOLE("7", "x", "pending"));

	(void)state;
	assert_non_null(r);
	merge(7, false, "{\"id\":7,\"status\":\"running\"}");
	assert_int_equal(r->status, STATE_RUNNING);
	merge(6, false, "{\"id\":7,\"status\":\"pending\"}");
	assert_int_equal(r->status, STATE_RUNNING);
	merge(6, true, WHOLE("7", "x", "pending"));
	assert_int_equal(r->status, STATE_RUNNING);
	merge(8, false, "{\"id\":7,\"status\":\"ok\",\"completed\":2000}");
	assert_int_equal(r->status, STATE_OK);
	assert_int_equal(r->completed, 2000);
	assert_int_equal(r->submitted, 1000);
}

static void test_a_part_of_an_unknown_result(void **state)
{
	(void)state;
	assert_null(merge(5, false, "{\"id\":7,\"status\":\"running\"}"));
	assert_null(mirror_result(&m, 7));
}

static void test_the_purged_stay_away(void **state)
{
	(void)state;
	merge(5, true, WHOLE("7", "x", "ok"));
	mirror_purge(&m, 7);
	assert_null(mirror_result(&m, 7));
	assert_null(merge(5, true, WHOLE("7", "x", "ok")));
	assert_null(mirror_newest(&m, 0, bytes_str("x")));
}

static void test_the_unfinished(void **state)
{
	(void)state;
	merge(1, true, WHOLE("7", "x", "pending"));
	assert_non_null(index_get(&m.unfinished, 7));
	merge(2, false, "{\"id\":7,\"status\":\"error\"}");
	assert_null(index_get(&m.unfinished, 7));
	merge(3, true, WHOLE("8", "x", "ok"));
	assert_int_equal(index_count(&m.unfinished), 0);
}

static void test_a_name_leads_to_the_newest(void **state)
{
	(void)state;
	merge(1, true, WHOLE("9", "x", "ok"));
	merge(1, true, WHOLE("7", "x", "ok"));
	merge(1, true, WHOLE("8", "y", "ok"));
	assert_int_equal(mirror_newest(&m, 0, bytes_str("x"))->id, 9);
	assert_true(result_is_newest_of_name(mirror_result(&m, 9)));
	assert_false(result_is_newest_of_name(mirror_result(&m, 7)));
	assert_int_equal(mirror_latest(&m)->id, 9);
	mirror_purge(&m, 9);
	assert_int_equal(mirror_newest(&m, 0, bytes_str("x"))->id, 7);
	assert_int_equal(mirror_latest(&m)->id, 8);
	mirror_purge(&m, 7);
	assert_null(mirror_newest(&m, 0, bytes_str("x")));
	/* "y", and all of them. */
	assert_int_equal(m.names.n, 2);
}

#define OF(id, name, uid) "{\"id\":" id ",\"name\":\"" name \
	"\",\"submitted\":1000,\"tasks\":1,\"status\":\"ok\"," \
	"\"uid\":" uid "}"

static uint64_t newest(int64_t uid, const char *name)
{
	struct result *r = mirror_newest(&m, uid, bytes_str(name));

	return r ? r->id : 0;
}

static void test_a_name_is_its_user_s(void **state)
{
	(void)state;
	merge(1, true, OF("7", "x", "5"));
	merge(1, true, OF("8", "x", "6"));
	merge(1, true, OF("9", "y", "6"));
	assert_int_equal(newest(5, "x"), 7);
	assert_int_equal(newest(6, "x"), 8);
	assert_int_equal(newest(5, "y"), 0);
	assert_int_equal(newest(0, "x"), 0);
	/* Whatever they are called. */
	assert_int_equal(newest(5, ""), 7);
	assert_int_equal(newest(6, ""), 9);
	assert_true(result_is_newest_of_name(mirror_result(&m, 7)));
	assert_true(result_is_newest_of_name(mirror_result(&m, 8)));
	/* A later word does not make it another's. */
	merge(2, false, "{\"id\":8,\"uid\":5,\"status\":\"ok\"}");
	merge(3, false, "{\"id\":8,\"status\":\"ok\"}");
	assert_int_equal(mirror_result(&m, 8)->uid, 6);
	mirror_purge(&m, 9);
	assert_int_equal(newest(6, ""), 8);
	mirror_purge(&m, 8);
	assert_int_equal(newest(6, "x"), 0);
	assert_int_equal(newest(6, ""), 0);
	assert_int_equal(newest(5, "x"), 7);
}

static void test_the_same_id_of_another_cluster(void **state)
{
	struct result *r;

	(void)state;
	merge(9, true, WHOLE("7", "x", "ok"));
	r = merge(1, true, "{\"id\":7,\"submitted\":5,\"tasks\":1,"
			   "\"status\":\"pending\"}");
	assert_int_equal(r->status, STATE_PENDING);
	assert_null(result_name(r));
	assert_int_equal(r->submitted, 5);
}

static void test_outcomes(void **state)
{
	struct result *r = merge(1, true, WHOLE("7", "x", "running"));

	(void)state;
	assert_int_equal(task_outcome(r->task), -EAGAIN);
	merge(2, false, "{\"id\":7,\"status\":\"error\","
			"\"task\":{\"ename\":\"TaskTimeLimit\"}}");
	assert_int_equal(task_outcome(r->task), -ETIMEDOUT);
	merge(3, false, "{\"id\":7,\"task\":{\"ename\":\"ExitStatus\"}}");
	assert_int_equal(task_outcome(r->task), -EREMOTEIO);
	merge(4, false, "{\"id\":7,\"status\":\"aborted\"}");
	assert_int_equal(task_outcome(r->task), -ECANCELED);
	merge(5, false, "{\"id\":7,\"status\":\"ok\"}");
	assert_int_equal(task_outcome(r->task), 0);
}

static void test_a_value_on_stdout(void **state)
{
	struct result *r = merge(1, true, WHOLE("7", "x", "running"));

	(void)state;
	merge(2, false, "{\"id\":7,\"task\":{\"stdout\":10,\"value\":3}}");
	assert_int_equal(result_size(r, STREAM_VALUE), 3);
	merge(3, false, "{\"id\":7,\"task\":{\"value_is_stdout\":true}}");
	assert_int_equal(result_size(r, STREAM_VALUE), 10);
	assert_int_equal(task_stream(r->task, STREAM_VALUE), STREAM_STDOUT);
}

static void test_nonsense_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"{\"id\":-1,\"submitted\":1}",
		"{\"id\":\"7\",\"submitted\":1}",
		"{\"id\":4294967296,\"submitted\":1}",
		"{\"submitted\":1}",
		"{\"id\":0,\"submitted\":1}",
	};
	struct result *r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(merge(1, true, bad[i]));
	r = merge(1, true, "{\"id\":7,\"submitted\":\"x\",\"name\":\"../x\","
			   "\"count\":[1],\"status\":5,\"task\":[],"
			   "\"options\":7,\"code\":-5}");
	assert_non_null(r);
	assert_int_equal(r->submitted, 0);
	assert_null(result_name(r));
	assert_int_equal(r->code, 0);
}

static void test_outputs_are_kept_up_to_a_budget(void **state)
{
	static char big[4096];
	struct bytes out[STREAM_OUTPUTS] = {{0}}, got;
	uint64_t i, n = MIRROR_KEPT / sizeof(big) + 10;
	struct result *r;

	(void)state;
	out[STREAM_STDOUT] = bytes_of(big, sizeof(big));
	for (i = 1; i <= n; i++)
		mirror_keep(&m, mirror_add_result(&m, i), out);
	assert_true(m.kept_bytes <= MIRROR_KEPT);
	assert_false(mirror_kept(mirror_result(&m, 1), STREAM_STDOUT, &got));
	r = mirror_result(&m, n);
	assert_true(mirror_kept(r, STREAM_STDOUT, &got));
	assert_int_equal(got.n, sizeof(big));
	assert_false(mirror_kept(r, STREAM_STDERR, &got));
	assert_false(mirror_kept(r, STREAM_CODE, &got));
	/* What is kept may be kept again, with more. */
	out[STREAM_STDOUT] = bytes_of(got.p, 5);
	out[STREAM_STDERR] = bytes_str("e");
	assert_true(mirror_kept(r, STREAM_STDOUT, &out[STREAM_STDOUT]));
	mirror_keep(&m, r, out);
	assert_true(mirror_kept(r, STREAM_STDERR, &got));
	assert_text(got, "e");
}

static void test_engines(void **state)
{
	(void)state;
	merge_engine_text(3, "{\"id\":0,\"uuid\":\"u\",\"state\":\"idle\","
			     "\"running\":[\"7\",\"8/3\",null]}");
	assert_string_equal(mirror_engine(&m, 0)->running, "7\n8/3\n");
	merge_engine_text(2, "{\"id\":0,\"state\":\"busy\"}");
	assert_string_equal(mirror_engine(&m, 0)->state, "idle");
	mirror_remove_engine(&m, 0);
	assert_null(mirror_engine(&m, 0));
	mirror_remove_engine(&m, 0);
}

/* Lines of 64 bytes, their numbers counted from the first. */
static void expect_lines(uint64_t from, size_t limit, const char *want)
{
	struct buf b = BUF_INIT, got = BUF_INIT;
	char *end, *p;

	events_lines(&m.events, m.events.first + from, limit, &b);
	assert_int_equal(b.n % EVENT_LINE, 0);
	assert_true(b.n <= limit);
	buf_str(&b);
	for (p = b.p; p && p < b.p + b.n; p += EVENT_LINE) {
		uint64_t n = strtoull(p, &end, 10) - m.events.first;
		size_t len = EVENT_LINE - 1 - (size_t)(end - p);

		while (len && end[len - 1] == ' ')
			len--;
		assert_int_equal(p[EVENT_LINE - 1], '\n');
		buf_printf(&got, "%llu%.*s\n", (unsigned long long)n,
			   (int)len, end);
	}
	assert_text(buf_bytes(&got), want);
	buf_done(&b);
	buf_done(&got);
}

static void test_events(void **state)
{
	int i;

	(void)state;
	expect_lines(0, 1000, "");
	merge(1, true, WHOLE("7", "x", "pending"));
	merge(2, false, "{\"id\":7,\"status\":\"running\"}");
	merge(3, false, "{\"id\":7,\"status\":\"running\"}");
	merge_engine_text(3, "{\"id\":2,\"state\":\"busy\"}");
	expect_lines(0, 1000, "0 result 7 pending\n1 result 7 running\n"
			      "2 engine 2 busy\n");
	expect_lines(1, 130, "1 result 7 running\n2 engine 2 busy\n");
	expect_lines(1, 127, "1 result 7 running\n");
	assert_int_equal(event_ring_oldest(&m.events), m.events.first);
	for (i = 0; i < EVENTS_KEPT + 5; i++)
		event_ring_add(&m.events, EVENT_OF_CONTROLLER, 0, "lost");
	assert_int_equal(event_ring_oldest(&m.events), m.events.first + 8);
	expect_lines(8, 64, "8 controller lost\n");
	expect_lines(EVENTS_KEPT + 7, 1000, "16391 controller lost\n");
	expect_lines(EVENTS_KEPT + 8, 1000, "");
}

/* An empty value was written; what is told of the one before comes later. */
static void test_what_was_written_is_not_hidden_by_what_was(void **state)
{
#define SIZE(size, version) \
	"{\"id\":1,\"vars\":{\"version\":" version \
	",\"list\":[[\"x\"," size ",5," version "]]}}"
	struct var_name *name;
	struct engine *e;
	struct variable *v;

	(void)state;
	merge_engine_text(1, "{\"id\":1,\"uuid\":\"u\",\"state\":\"idle\"}");
	merge_engine_text(2, SIZE("4", "7"));
	e = mirror_engine(&m, 1);
	name = var_name_get(&m, bytes_str("x"));
	v = variable_find(e, name->id);
	assert_int_equal(v->size, 4);
	variable_expect(&m, e, name);
	assert_int_equal(v->size, 0);
	merge_engine_text(3, SIZE("4", "7"));
	assert_int_equal(v->size, 0);
	assert_true(v->expected);
	merge_engine_text(4, SIZE("9", "8"));
	assert_int_equal(v->size, 9);
	assert_false(v->expected);
	merge_engine_text(5, SIZE("4", "7"));
	assert_int_equal(v->size, 9);
	var_name_put(&m, name);
#undef SIZE
}

/* A reply comes by another way than the changes that are told to all. */
static void test_a_reply_before_the_changes_that_it_knows(void **state)
{
	struct var_name *name;
	struct engine *e;

	(void)state;
	merge_engine_text(1, "{\"id\":1,\"uuid\":\"u\",\"state\":\"idle\"}");
	merge_engine(&m, bytes_str("{\"id\":1,\"uuid\":\"u\","
				   "\"state\":\"idle\"}"), 3, true);
	e = mirror_engine(&m, 1);
	merge_engine_text(2, "{\"id\":1,\"state\":\"busy\","
			     "\"vars\":{\"version\":1,\"list\":[[\"x\",4,5,1]]}}");
	merge_engine_text(3, "{\"id\":1,\"state\":\"draining\"}");
	assert_string_equal(e->state, "idle");
	/* Of variables the reply said nothing. */
	name = var_name_get(&m, bytes_str("x"));
	assert_int_equal(variable_find(e, name->id)->size, 4);
	var_name_put(&m, name);
	merge_engine_text(4, "{\"id\":1,\"state\":\"draining\"}");
	merge_engine_text(4, "{\"id\":1,\"state\":\"busy\"}");
	assert_string_equal(e->state, "busy");
	/* What is older of another engine is not its own. */
	merge_engine_text(3, "{\"id\":1,\"uuid\":\"v\",\"vars\":"
			     "{\"version\":9,\"list\":[[\"x\",7,5,9]]}}");
	name = var_name_get(&m, bytes_str("x"));
	assert_int_equal(variable_find(e, name->id)->size, 4);
	var_name_put(&m, name);
}

/* --- pools -------------------------------------------------------------- */

static struct pool *merge_pool_text(uint64_t seq, bool whole, const char *text)
{
	return merge_pool(&m, bytes_str(text), seq, whole);
}

static const char *option_of(const struct pool *p, const char *name)
{
	return p->option[pool_option_find(bytes_str(name)) - pool_options];
}

static void test_a_pool(void **state)
{
	struct pool *p = merge_pool_text(
		5, true,
		"{\"pool\":\"gpu\",\"state\":\"ready\",\"why\":null,"
		"\"wanted\":3,\"engines\":[4,2],"
		"\"options\":{\"launch\":\"a\\nb\",\"max\":\"7\"},\"launches\":["
		"{\"launch\":\"tfs-gpu-1-abcdef\",\"count\":2,"
		"\"state\":\"queued\",\"since\":9,\"job\":\"17 x\","
		"\"engines\":[4]}]}");

	(void)state;
	assert_non_null(p);
	assert_ptr_equal(pool_find(&m, bytes_str("gpu")), p);
	assert_ptr_equal(pool_get(&m, p->id), p);
	assert_string_equal(p->state, "ready");
	assert_string_equal(option_of(p, "launch"), "a\nb");
	assert_string_equal(option_of(p, "max"), "7");
	assert_null(option_of(p, "min"));
	assert_int_equal(p->wanted, 3);
	assert_int_equal(p->engines.n, 2);
	assert_int_equal(p->engines.id[0], 4);
	assert_int_equal(p->launches, 1);
	assert_string_equal(p->launch[0].job, "17 x");
	assert_int_equal(p->launch[0].engines.n, 1);
	/* What does not say the options leaves them. */
	merge_pool_text(6, false, "{\"pool\":\"gpu\",\"state\":\"waiting\","
				  "\"why\":\"x\",\"launches\":[],"
				  "\"engines\":[]}");
	assert_string_equal(p->state, "waiting");
	assert_string_equal(p->why, "x");
	assert_string_equal(option_of(p, "max"), "7");
	assert_int_equal(p->launches + p->engines.n, 0);
	/* What is older changes nothing. */
	merge_pool_text(5, false, "{\"pool\":\"gpu\",\"state\":\"ready\"}");
	assert_string_equal(p->state, "waiting");
	/* An option that is not said any more is the standard. */
	merge_pool_text(7, false, "{\"pool\":\"gpu\",\"options\":{}}");
	assert_null(option_of(p, "max"));
}

static void test_a_pool_that_went(void **state)
{
	struct pool *p = merge_pool_text(5, true, "{\"pool\":\"gpu\"}");
	uint32_t id = p->id;

	(void)state;
	merge_pool_gone(&m, bytes_str("\"gpu\""), 6);
	assert_null(pool_find(&m, bytes_str("gpu")));
	assert_null(merge_pool_text(6, false, "{\"pool\":\"gpu\"}"));
	p = merge_pool_text(7, false, "{\"pool\":\"gpu\"}");
	assert_int_equal(p->id, id + 1);
	/* A word about the first one comes late. */
	merge_pool_gone(&m, bytes_str("\"gpu\""), 6);
	assert_ptr_equal(pool_find(&m, bytes_str("gpu")), p);
	pools_forget_numbers(&m);
	assert_non_null(merge_pool_text(1, true, "{\"pool\":\"gpu\"}"));
	assert_int_equal(pool_next(&m, 0)->seq, 1);
}

static void test_bad_pools(void **state)
{
	(void)state;
	assert_null(merge_pool_text(1, true, "[]"));
	assert_null(merge_pool_text(1, true, "{\"state\":\"ready\"}"));
	assert_null(merge_pool_text(1, true, "{\"pool\":\"../x\"}"));
	assert_null(merge_pool_text(1, true, "{\"pool\":\"7\"}"));
	assert_non_null(merge_pool_text(
		1, true,
		"{\"pool\":\"a\",\"options\":{\"nonsense\":\"1\","
		"\"max\":\"1\",\"max\":\"2\"},\"launches\":[1,{},"
		"{\"count\":1}],\"engines\":[-1,\"x\",99999999999]}"));
	assert_int_equal(pool_next(&m, 0)->engines.n, 0);
}

static unsigned noted;

static void note(struct mirror *mi, enum event_of of, uint64_t id,
		 int64_t index, uint64_t generation, unsigned what)
{
	(void)mi;
	(void)index;
	(void)generation;
	if (of != EVENT_OF_POOL)
		return;
	assert_non_null(pool_get(&m, id));
	noted |= what;
}

static void test_pools_are_told(void **state)
{
	struct own_pool own = {.name = "b"};

	(void)state;
	m.note = note;
	noted = 0;
	merge_pool_text(1, true, "{\"pool\":\"a\",\"state\":\"empty\"}");
	assert_int_equal(noted, NOTE_NEW | NOTE_STATUS | NOTE_WORK);
	noted = 0;
	merge_pool_text(2, false, "{\"pool\":\"a\",\"state\":\"empty\"}");
	assert_int_equal(noted, NOTE_WORK);
	noted = 0;
	merge_pool_gone(&m, bytes_str("\"a\""), 3);
	assert_int_equal(noted, NOTE_GONE);
	/* An engine comes that was told to be of a pool before. */
	merge_pool_text(4, true, "{\"pool\":\"c\",\"engines\":[8]}");
	assert_int_equal(pool_known_engines(&m, &pool_next(&m, 0)->engines), 0);
	noted = 0;
	merge_engine_text(4, "{\"id\":8,\"uuid\":\"x\"}");
	assert_int_equal(noted, NOTE_WORK);
	assert_int_equal(pool_known_engines(&m, &pool_next(&m, 0)->engines), 1);
	/* The kernel tells of what this mount makes. */
	list_add_tail(&m.pools.own, &own.link);
	noted = 0;
	merge_pool_text(4, true, "{\"pool\":\"b\"}");
	merge_pool_gone(&m, bytes_str("\"b\""), 5);
	assert_int_equal(noted, NOTE_WORK);
	list_del(&own.link);
}

/* Lines of events from the n-th on, without their numbers and blanks. */
static void expect_events(uint64_t n, const char *want)
{
	struct buf all = BUF_INIT, got = BUF_INIT;
	const char *line, *text, *end;
	size_t at;

	events_lines(&m.events, n, 65536, &all);
	for (at = 0; at < all.n; at += EVENT_LINE) {
		line = buf_str(&all) + at;
		text = strchr(line, ' ') + 1;
		for (end = line + EVENT_LINE - 1; end[-1] == ' '; end--)
			;
		buf_put(&got, text, (size_t)(end - text));
		buf_puts(&got, "; ");
	}
	assert_string_equal(buf_str(&got), want);
	buf_done(&all);
	buf_done(&got);
}

static void test_events_of_launches(void **state)
{
	uint64_t n = m.events.next;

	(void)state;
	merge_pool_text(1, true,
			"{\"pool\":\"a\",\"state\":\"ready\",\"launches\":["
			"{\"launch\":\"tfs-a-1-abcdef\",\"state\":\"queued\"},"
			"{\"launch\":\"tfs-a-2-abcdef\",\"state\":\"queued\"}]}");
	expect_events(n, "launch tfs-a-1-abcdef queued; "
			 "launch tfs-a-2-abcdef queued; pool a ready; ");
	n = m.events.next;
	merge_pool_text(2, false,
			"{\"pool\":\"a\",\"state\":\"ready\",\"launches\":["
			"{\"launch\":\"tfs-a-2-abcdef\",\"state\":\"running\"},"
			"{\"launch\":\"tfs-a-3-abcdef\","
			"\"state\":\"launching\"}]}");
	expect_events(n, "launch tfs-a-1-abcdef ended; "
			 "launch tfs-a-2-abcdef running; "
			 "launch tfs-a-3-abcdef launching; ");
	/* A name that is too long for a line. */
	n = m.events.next;
	event_ring_add_named(
		&m.events, EVENT_OF_LAUNCH,
		"tfs-a-pool-with-quite-a-name-1234-abcdef", "launching");
	expect_events(n, "launch tfs-a-pool..-name-1234-abcdef launching; ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static const struct CMUnitTest tests[] = {
	TEST(test_older_never_overwrites),
	TEST(test_a_reply_before_the_changes_that_it_knows),
	TEST(test_a_part_of_an_unknown_result),
	TEST(test_the_purged_stay_away),
	TEST(test_the_unfinished),
	TEST(test_a_name_leads_to_the_newest),
	TEST(test_a_name_is_its_user_s),
	TEST(test_the_same_id_of_another_cluster),
	TEST(test_outcomes),
	TEST(test_a_value_on_stdout),
	TEST(test_nonsense_changes_nothing),
	TEST(test_outputs_are_kept_up_to_a_budget),
	TEST(test_engines),
	TEST(test_events),
	TEST(test_what_was_written_is_not_hidden_by_what_was),
	TEST(test_a_pool),
	TEST(test_a_pool_that_went),
	TEST(test_bad_pools),
	TEST(test_pools_are_told),
	TEST(test_events_of_launches),
};

UNIT_MAIN(tests)
