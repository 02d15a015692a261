/* Which result waits for which, and what comes of it. */
#include "tests/unit/fake_controller.h"

#include "model/ready.h"
#include "schedule/fit.h"
#include "schedule/lifetime.h"
#include "schedule/graph.h"
#include "steer/setting.h"
#include "schedule/why.h"

#define IMPOSSIBLE "ImpossibleDependency: "

static const struct {
	const char *after;
	enum state_event ending;
	const char *error;	/* NULL: it runs */
} endings[] = {
	{"1", EVENT_SUCCEED, NULL},
	{"1", EVENT_FAIL, "Skipped: after 1: it ended with status error"},
	{"1", EVENT_ABORT, "Skipped: after 1: it ended with status aborted"},
	{"1:ok", EVENT_SUCCEED, NULL},
	{"1:ok", EVENT_FAIL, "Skipped: after 1: it ended with status error"},
	{"1:error", EVENT_SUCCEED, "Skipped: after 1: it ended with status ok"},
	{"1:error", EVENT_FAIL, NULL},
	{"1:error", EVENT_ABORT,
	 "Skipped: after 1: it ended with status aborted"},
	{"1:any", EVENT_SUCCEED, NULL},
	{"1:any", EVENT_FAIL, NULL},
	{"1:any", EVENT_ABORT, NULL},
};

static struct result *submit_after(struct controller *c, const char *option,
				   const char *entry)
{
	char *options = xasprintf("{'%s': ['%s']}", option, entry);
	struct result *r = submit(c, options);

	free(options);
	return r;
}

static void assert_after(const struct result *r, const char *error)
{
	assert_tasks(r, error ? "a" : "r");
	if (error)
		assert_error(r, error);
	else
		assert_int_equal(r->unmet, 0);
}

/* What is waited for has ended before, ends later, or ends after a restart. */
enum moment { BEFORE, LATER, AFTER_RESTART, MOMENTS };

static void check_ending(void **state, size_t i, int when)
{
	struct controller *c = *state;
	struct result *on = submit(c, "{}"), *r = NULL;

	if (when != BEFORE)
		r = submit_after(c, "after", endings[i].after);
	settle(c);
	if (when == AFTER_RESTART) {
		c = fake_restart(state);
		on = result_find(c, 1);
		r = result_find(c, 2);
		assert_int_equal(r->unmet, 1);
	}
	engine_add(c, 9);
	assert_sent(c, "send 1.0 to 9");
	ends(on, 0, endings[i].ending);
	if (!r)
		r = submit_after(c, "after", endings[i].after);
	settle(c);
	assert_after(r, endings[i].error);
}

static void test_each_ending_at_each_moment(void **state)
{
	size_t i;
	int when;

	for (i = 0; i < ARRAY_SIZE(endings); i++)
		for (when = 0; when < MOMENTS; when++) {
			check_ending(state, i, when);
			fake_teardown(state);
			fake_setup(state);
		}
}

/* What is skipped skips what waits for it. */
static void test_a_chain(void **state)
{
	struct controller *c = *state;
	struct result *first = submit(c, "{}"), *last;
	struct result *second = submit(c, "{'after': ['1']}");
	struct result *third = submit(c, "{'after': ['2']}");
	struct result *other = submit(c, "{'after': ['2:any']}");

	last = submit(c, "{'after': ['1:any', '3:any', '4']}");
	engine_add(c, 0);
	settle(c);
	ends(first, 0, EVENT_FAIL);
	assert_tasks(second, "a");
	assert_tasks(third, "a");
	assert_error(third, "Skipped: after 2: it ended with status aborted");
	assert_tasks(other, "r");
	assert_tasks(last, "p");
	assert_int_equal(last->unmet, 1);
	ends(other, 0, EVENT_SUCCEED);
	assert_tasks(last, "r");
}

/* It runs where the other ran, be it busy or not. */
static void test_follow(void **state)
{
	struct controller *c = *state;
	struct result *on, *r;
	struct engine *e;

	c->config.hwm = 1;
	e = engine_add(c, 2);
	on = submit(c, "{}");
	r = submit(c, "{'follow': ['1']}");
	settle(c);
	engine_add(c, 3);
	settle(c);
	assert_tasks(r, "p");
	buf_clear(&fake.sent);
	submit(c, "{'targets': [2]}");
	submit(c, "{}");
	assert_sent(c, "send 4.0 to 3");
	/* Its engine is free before its end is stored, and met only then. */
	ends(on, 0, EVENT_SUCCEED);
	assert_sent(c, "send 3.0 to 2");
	ends(result_find(c, 3), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 2");
	/* It is followed to an engine that is lost, and waits for it. */
	submit(c, "{'follow': ['1']}");
	settle(c);
	engine_vanish(e);
	settle(c);
	assert_tasks(result_find(c, 5), "p");
	assert_tasks(r, "e");
	assert_error(r, "EngineError: the engine is gone");
}

static void test_follow_where_it_cannot(void **state)
{
	struct controller *c = *state;
	struct result *on, *one, *r;

	c->config.hwm = 1;
	engine_add(c, 0);
	engine_add(c, 1);
	on = submit_map(c, 2, "{}");
	settle(c);
	ends(on, 0, EVENT_SUCCEED);
	ends(on, 1, EVENT_SUCCEED);
	r = submit(c, "{'follow': ['1']}");
	settle(c);
	assert_error(r, IMPOSSIBLE "follow 1: it did not run on one engine");
	one = submit(c, "{'targets': [1]}");
	settle(c);
	ends(one, 0, EVENT_SUCCEED);
	r = submit(c, "{'follow': ['3'], 'targets': [0]}");
	settle(c);
	assert_tasks(r, "e");
	assert_error(r, IMPOSSIBLE "follow 3: it ran on engine 1, which the "
		     "other options rule out");
	/* What never ran ran nowhere. */
	one = submit(c, "{'after': ['4']}");
	r = submit(c, "{'follow': ['5:any']}");
	settle(c);
	assert_tasks(one, "a");
	assert_error(r, IMPOSSIBLE "follow 5: it did not run on one engine");
}

static void refused(struct controller *c, uint32_t uid, const char *options,
		    const char *want)
{
	struct json_object *o = json_parse(bytes_str(options), NULL);
	struct buf why = BUF_INIT;
	int err = graph_check(c, uid, o, &why);

	assert_int_equal(err, want ? -EINVAL : 0);
	assert_text(buf_bytes(&why), want ? want : "");
	buf_done(&why);
	json_object_put(o);
}

static void test_names(void **state)
{
	struct controller *c = *state;
	struct result *r;

	submit(c, "{'label': 'build'}");
	submit(c, "{'label': 'build'}");
	refused(c, 1000, "{\"after\": [\"build\"]}", NULL);
	refused(c, 1000, "{\"after\": [\"build:any\", \"1:error\"]}", NULL);
	refused(c, 1000, "{\"after\": [\"build:soon\"]}",
		"\"after\": there is no result build:soon of user 1000");
	refused(c, 1001, "{\"follow\": [\"build\"]}",
		"\"follow\": there is no result build of user 1001");
	refused(c, 1000, "{\"after\": [\"3\"]}",
		"\"after\": there is no result 3");
	/* The newest of the name. */
	r = submit(c, "{'after': ['build']}");
	assert_int_equal(r->dep[0].id, 2);
	/* The same twice is one. */
	r = submit(c, "{'after': ['build', '2', '2:any'], 'follow': ['2']}");
	assert_int_equal(r->ndeps, 3);
	assert_int_equal(r->unmet, 3);
	settle(c);
}

static void test_what_it_waits_for_in_words(void **state)
{
	struct controller *c = *state;
	struct buf why = BUF_INIT;
	struct result *on = submit(c, "{}"), *r;

	submit(c, "{}");
	r = submit(c, "{'after': ['1', '2'], 'follow': ['1']}");
	assert_int_equal(result_hold(r, true, fake_done, NULL), 0);
	settle(c);
	why_put(r, &why);
	assert_text(buf_bytes(&why), "after 1, after 2, follow 1, hold");
	engine_add(c, 5);
	settle(c);
	ends(on, 0, EVENT_SUCCEED);
	buf_clear(&why);
	why_put(r, &why);
	assert_text(buf_bytes(&why), "after 2, hold");
	buf_done(&why);
}

/* A submission that cannot be stored is no result, and cannot be waited for. */
static void test_after_what_is_not_stored(void **state)
{
	struct controller *c = *state;
	struct result *r;

	settle(c);
	store_refuse(c, "INSERT ON results WHEN new.id = 1");
	submit(c, "{'label': 'one'}");
	r = submit(c, "{'after': ['one']}");
	settle(c);
	store_refuse(c, NULL);
	assert_null(result_find(c, 1));
	assert_tasks(r, "e");
	assert_error(r, IMPOSSIBLE "after 1: it could not be stored");
	refused(c, 1000, "{\"after\": [\"one\"]}",
		"\"after\": there is no result one of user 1000");
}

/* What is met stays met when the result that met it is purged. */
static void test_what_is_met_stays_met(void **state)
{
	struct controller *c = *state;
	struct result *on, *r;

	submit(c, "{}");
	submit(c, "{}");
	submit(c, "{'after': ['1', '2']}");
	settle(c);
	c = fake_restart(state);
	on = result_find(c, 1);
	engine_add(c, 0);
	settle(c);
	ends(on, 0, EVENT_SUCCEED);
	assert_int_equal(result_purge(on, NULL, NULL), 0);
	settle(c);
	c = fake_restart(state);
	assert_null(result_find(c, 1));
	r = result_find(c, 3);
	assert_int_equal(r->ndeps, 2);
	assert_int_equal(r->unmet, 1);
	assert_tasks(r, "p");
}

/* --- conditions of ipyparallel's clients -------------------------------------- */

static bool add_condition(struct result *r, struct condition k)
{
	uint64_t ids[] = {1, 2};

	k.id = ids;
	k.n = 2;
	ready_remove(r);
	return graph_add_condition(r, &k);
}

static void test_any_of_some(void **state)
{
	struct controller *c = *state;
	struct result *a = submit(c, "{}"), *b = submit(c, "{}"), *r, *never;

	r = submit(c, "{'label': 'r'}");
	never = submit(c, "{}");
	assert_true(add_condition(r, (struct condition){.any = true,
							.follow = true}));
	assert_true(add_condition(never, (struct condition){.any = true,
							    .on = ON_ERROR}));
	assert_int_equal(r->unmet, 1);
	engine_add(c, 6);
	engine_add(c, 7);
	settle(c);
	ends(a, 0, EVENT_FAIL);
	assert_int_equal(r->unmet, 1);
	assert_tasks(r, "p");
	assert_int_equal(never->unmet, 0);
	ends(b, 0, EVENT_SUCCEED);
	assert_tasks(r, "r");
	assert_int_equal(r->task[0].engine, b->task[0].engine);
	assert_true(fit_follows(r, b->task[0].engine));
	assert_false(fit_follows(r, a->task[0].engine));
}

static void test_none_of_some(void **state)
{
	struct controller *c = *state;
	struct result *a = submit(c, "{}"), *b = submit(c, "{}");
	struct result *r = submit(c, "{}"), *late;

	assert_true(add_condition(r, (struct condition){.any = true}));
	engine_add(c, 6);
	settle(c);
	ends(a, 0, EVENT_FAIL);
	ends(b, 0, EVENT_ABORT);
	assert_error(r, "Skipped: after: none of them ended so");
	late = submit(c, "{}");
	assert_false(add_condition(late, (struct condition){.any = true}));
	settle(c);
	assert_error(late, "Skipped: after: none of them ended so");
}

/* Two of these are not yet there when it is asked: only one has to be. */
static void test_all_of_some(void **state)
{
	uint64_t ids[] = {1, 2};
	struct condition k = {.id = ids, .n = 2, .on = ON_FAIL};
	struct controller *c = *state;
	struct result *a = submit(c, "{}"), *b = submit(c, "{}");
	struct result *r = submit(c, "{}");

	assert_true(add_condition(r, k));
	engine_add(c, 6);
	settle(c);
	assert_int_equal(r->unmet, 2);
	ends(a, 0, EVENT_FAIL);
	assert_int_equal(r->unmet, 1);
	k.any = true;
	assert_true(graph_is_met(c, &k));
	k.on = ON_OK;
	assert_false(graph_is_met(c, &k));
	ends(b, 0, EVENT_ABORT);
	assert_tasks(r, "r");
}

/* What a row of struct result_ops says of such a result. */
static void test_columns_of_result_ops(void **state)
{
	struct result_ops columns = result_ops_mount;
	struct controller *c = *state;
	struct result *on = submit(c, "{}");
	struct result *r = submit(c, "{'after': ['1']}");
	char *text = result_deps_text(r);

	assert_string_equal(text, "1:ok:after");
	free(text);
	columns.lasts = false;
	columns.skip_is_failure = true;
	r->ops = &columns;
	assert_null(result_deps_text(r));
	engine_add(c, 0);
	settle(c);
	ends(on, 0, EVENT_FAIL);
	assert_tasks(r, "e");
	assert_error(r, IMPOSSIBLE "after 1: it ended with status error");
	r->ops = &result_ops_mount;
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_each_ending_at_each_moment),
	CONTROLLER_TEST(test_a_chain),
	CONTROLLER_TEST(test_follow),
	CONTROLLER_TEST(test_follow_where_it_cannot),
	CONTROLLER_TEST(test_names),
	CONTROLLER_TEST(test_what_it_waits_for_in_words),
	CONTROLLER_TEST(test_after_what_is_not_stored),
	CONTROLLER_TEST(test_what_is_met_stays_met),
	CONTROLLER_TEST(test_any_of_some),
	CONTROLLER_TEST(test_none_of_some),
	CONTROLLER_TEST(test_all_of_some),
	CONTROLLER_TEST(test_columns_of_result_ops),
};

UNIT_MAIN(tests)
