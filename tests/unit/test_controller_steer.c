/* What ctl does to a result or a task, in each situation that it can be in. */
#include "tests/unit/fake_controller.h"

#include "schedule/lifetime.h"
#include "steer/setting.h"
#include "steer/steer.h"

enum situation {
	WAITING,	/* for an engine */
	BLOCKED,	/* after another result */
	HELD,
	STARTING,	/* its start is being stored */
	RUNNING,
	ENDING,		/* its end is being stored */
	RETRYING,	/* that it waits again is being stored */
	IS_OK,
	IS_ERROR,
	IS_ABORTED,
	SITUATIONS,
};

static const char *const names[SITUATIONS] = {
	[WAITING] = "waiting",	 [BLOCKED] = "blocked",
	[HELD] = "held",	 [STARTING] = "starting",
	[RUNNING] = "running",	 [ENDING] = "ending",
	[RETRYING] = "retrying", [IS_OK] = "ok",
	[IS_ERROR] = "error",	 [IS_ABORTED] = "aborted",
};

static int hold(struct result *r)
{
	return result_hold(r, true, fake_done, NULL);
}

static int release(struct result *r)
{
	return result_hold(r, false, fake_done, NULL);
}

static int hold_one(struct result *r)
{
	return task_hold(r, 0, true, fake_done, NULL);
}

static int release_one(struct result *r)
{
	return task_hold(r, 0, false, fake_done, NULL);
}

static int set_priority(struct result *r)
{
	return set_option(r, "priority", "7");
}

static int abort_one(struct result *r)
{
	return task_abort(r, 0);
}

static int signal_all(struct result *r)
{
	return result_signal(r, 15);
}

static int signal_one(struct result *r)
{
	return task_signal(r, 0, 15);
}

/*
 * What it answers, what its engine is sent from then on (engine 0 is there), and the
 * state its task comes to.
 */
struct outcome {
	int err;
	const char *sent, *tasks;
};

static const struct outcome over[] = {
	[IS_OK] = {-ESRCH, "", "o"},
	[IS_ERROR] = {-ESRCH, "", "e"},
	[IS_ABORTED] = {-ESRCH, "", "a"},
};

#define SEND "send 2.0 to 0"

static const struct verb {
	const char *name;
	int (*run)(struct result *r);
	bool is_stored;		/* fake_done() is called */
	struct outcome of[IS_OK];
} verbs[] = {
	{
		.name = "abort", .run = result_abort,
		.of = {
			[WAITING] = {0, "", "a"},
			[BLOCKED] = {0, "", "a"},
			[HELD] = {0, "", "a"},
			[STARTING] = {0, "", "a"},
			[RUNNING] = {0, "abort 2.0", "r"},
			[ENDING] = {0, "", "e"},
			[RETRYING] = {0, "", "a"},
		},
	},
	{
		.name = "abort of a task", .run = abort_one,
		.of = {
			[WAITING] = {0, "", "a"},
			[BLOCKED] = {0, "", "a"},
			[HELD] = {0, "", "a"},
			[STARTING] = {0, "", "a"},
			[RUNNING] = {0, "abort 2.0", "r"},
			[ENDING] = {0, "", "e"},
			[RETRYING] = {0, "", "a"},
		},
	},
	{
		.name = "signal", .run = signal_all,
		.of = {
			[WAITING] = {-EAGAIN, SEND, "r"},
			[BLOCKED] = {-EAGAIN, "", "p"},
			[HELD] = {-EAGAIN, "", "p"},
			[STARTING] = {-EAGAIN, SEND, "r"},
			[RUNNING] = {0, "signal 15 to 2.0", "r"},
			[ENDING] = {-EAGAIN, "", "e"},
			[RETRYING] = {-EAGAIN, SEND, "r"},
		},
	},
	{
		.name = "signal to a task", .run = signal_one,
		.of = {
			[WAITING] = {-EAGAIN, SEND, "r"},
			[BLOCKED] = {-EAGAIN, "", "p"},
			[HELD] = {-EAGAIN, "", "p"},
			[STARTING] = {-EAGAIN, SEND, "r"},
			[RUNNING] = {0, "signal 15 to 2.0", "r"},
			[ENDING] = {-EAGAIN, "", "e"},
			[RETRYING] = {-EAGAIN, SEND, "r"},
		},
	},
	{
		.name = "hold", .run = hold, .is_stored = true,
		.of = {
			[WAITING] = {0, "", "p"},
			[BLOCKED] = {0, "", "p"},
			[HELD] = {0, "", "p"},
			[STARTING] = {0, SEND, "r"},
			[RUNNING] = {0, "", "r"},
			[ENDING] = {0, "", "e"},
			[RETRYING] = {0, "", "p"},
		},
	},
	{
		.name = "hold of a task", .run = hold_one, .is_stored = true,
		.of = {
			[WAITING] = {0, "", "p"},
			[BLOCKED] = {0, "", "p"},
			[HELD] = {0, "", "p"},
			[STARTING] = {0, SEND, "r"},
			[RUNNING] = {0, "", "r"},
			[ENDING] = {0, "", "e"},
			[RETRYING] = {0, "", "p"},
		},
	},
	{
		.name = "release", .run = release, .is_stored = true,
		.of = {
			[WAITING] = {0, SEND, "r"},
			[BLOCKED] = {0, "", "p"},
			[HELD] = {0, SEND, "r"},
			[STARTING] = {0, SEND, "r"},
			[RUNNING] = {0, "", "r"},
			[ENDING] = {0, "", "e"},
			[RETRYING] = {0, SEND, "r"},
		},
	},
	{
		/* It is the result that is held, not its task alone. */
		.name = "release of a task", .run = release_one, .is_stored = true,
		.of = {
			[WAITING] = {0, SEND, "r"},
			[BLOCKED] = {0, "", "p"},
			[HELD] = {0, "", "p"},
			[STARTING] = {0, SEND, "r"},
			[RUNNING] = {0, "", "r"},
			[ENDING] = {0, "", "e"},
			[RETRYING] = {0, SEND, "r"},
		},
	},
	{
		.name = "priority", .run = set_priority, .is_stored = true,
		.of = {
			[WAITING] = {0, SEND, "r"},
			[BLOCKED] = {0, "", "p"},
			[HELD] = {0, "", "p"},
			[STARTING] = {0, SEND, "r"},
			[RUNNING] = {0, "", "r"},
			[ENDING] = {0, "", "e"},
			[RETRYING] = {0, SEND, "r"},
		},
	},
};

/* Result 2 is in this situation, 1 is held for ever. There may be an engine now. */
static struct result *bring(struct controller *c, enum situation s)
{
	struct result *r;

	submit(c, "{}");
	assert_int_equal(result_hold(result_find(c, 1), true, fake_done, NULL), 0);
	settle(c);
	r = submit(c, s == BLOCKED    ? "{'after': ['1']}"
		      : s == RETRYING ? "{'retries': 1}"
				      : "{}");
	if (s == HELD)
		assert_int_equal(hold(r), 0);
	if (s <= HELD) {
		settle(c);
		engine_add(c, 0);
		return r;
	}
	engine_add(c, 0);
	place(c);
	if (s == STARTING)
		return r;
	settle(c);
	assert_tasks(r, "r");
	if (s == ENDING || s == RETRYING)
		ends_soon(r, 0, EVENT_FAIL);
	if (s >= IS_OK)
		ends(r, 0, s == IS_OK	    ? EVENT_SUCCEED
			   : s == IS_ERROR ? EVENT_FAIL
					   : EVENT_ABORT);
	return r;
}

static void check(struct controller *c, const struct verb *v, enum situation s)
{
	const struct outcome *want = s >= IS_OK ? &over[s] : &v->of[s];
	struct result *r = bring(c, s);
	int err;

	buf_clear(&fake.sent);
	fake.done = 0;
	err = v->run(r);
	if (err != want->err)
		fail_msg("%s of one that is %s: %d, not %d", v->name, names[s],
			 err, want->err);
	assert_sent(c, want->sent);
	assert_tasks(r, want->tasks);
	assert_int_equal(fake.done, v->is_stored && s < IS_OK);
	assert_int_equal(fake.done_err, 0);
	/* Whatever it was: no run is left of what is not running. */
	assert_int_equal(run_at(r, 0) != NULL, r->count[STATE_RUNNING] == 1);
	assert_int_equal(r->active, r->count[STATE_RUNNING]);
}

static void test_each_verb_in_each_situation(void **state)
{
	size_t v;
	int s;

	for (v = 0; v < ARRAY_SIZE(verbs); v++)
		for (s = 0; s < SITUATIONS; s++) {
			check(*state, &verbs[v], (enum situation)s);
			fake_teardown(state);
			fake_setup(state);
		}
}

/* What its engine answers is the answer. */
static void test_an_engine_refuses(void **state)
{
	struct controller *c = *state;
	struct result *r = bring(c, RUNNING);

	fake.abort_err = -EOPNOTSUPP;
	fake.signal_err = -EHOSTUNREACH;
	assert_int_equal(result_abort(r), -EOPNOTSUPP);
	assert_int_equal(task_abort(r, 0), -EOPNOTSUPP);
	assert_int_equal(result_signal(r, 2), -EHOSTUNREACH);
	assert_int_equal(task_signal(r, 0, 2), -EHOSTUNREACH);
	assert_false(r->task[0].aborting);
	ends(r, 0, EVENT_SUCCEED);
	assert_tasks(r, "o");
}

/* What was to be aborted while it ran is not tried again. */
static void test_an_abort_ends_the_tries(void **state)
{
	struct controller *c = *state;
	struct result *a = submit(c, "{'retries': 3}");
	struct result *b = submit_map(c, 2, "{'retries': 3}");

	engine_add(c, 0);
	settle(c);
	ends(a, 0, EVENT_FAIL);
	assert_tasks(a, "r");
	assert_int_equal(result_abort(a), 0);
	ends(a, 0, EVENT_FAIL);
	assert_tasks(a, "e");
	assert_int_equal(a->task[0].attempt, 2);
	assert_tasks(b, "rr");
	assert_int_equal(task_abort(b, 1), 0);
	ends(b, 1, EVENT_FAIL);
	ends(b, 0, EVENT_FAIL);
	assert_tasks(b, "re");
}

/* Those that run are aborted, those that wait end at once. */
static void test_abort_of_a_map(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 5, "{}");

	c->config.hwm = 1;
	engine_add(c, 0);
	engine_add(c, 1);
	settle(c);
	assert_tasks(r, "rrppp");
	buf_clear(&fake.sent);
	assert_int_equal(result_abort(r), 0);
	settle(c);
	assert_tasks(r, "rraaa");
	assert_int_equal(fake.sent.n, strlen("abort 1.0, abort 1.1"));
	ends(r, 0, EVENT_SUCCEED);
	ends(r, 1, EVENT_ABORT);
	assert_tasks(r, "oaaaa");
	assert_int_equal(result_state(r), STATE_ABORTED);
	assert_int_equal(result_abort(r), -ESRCH);
}

static void test_one_task_of_a_map_is_held(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 3, "{}");

	c->config.hwm = 1;
	assert_int_equal(task_hold(r, 0, true, fake_done, NULL), 0);
	engine_add(c, 4);
	assert_sent(c, "send 1.1 to 4");
	ends(r, 1, EVENT_SUCCEED);
	assert_sent(c, "send 1.2 to 4");
	assert_int_equal(task_hold(r, 0, false, fake_done, NULL), 0);
	ends(r, 2, EVENT_SUCCEED);
	assert_sent(c, "send 1.0 to 4");
	assert_int_equal(fake.done, 2);
}

/* A setting that is not stored is none. */
static void test_settings_that_are_not_stored(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 2, "{'priority': 3}");

	settle(c);
	store_refuse(c, "UPDATE ON results");
	assert_int_equal(result_hold(r, true, fake_done, NULL), 0);
	assert_true(r->held);
	settle(c);
	assert_false(r->held);
	assert_int_equal(fake.done, 1);
	assert_int_equal(fake.done_err, -EEXIST);
	assert_int_equal(set_option(r, "priority", "9"), 0);
	assert_int_equal(r->priority, 9);
	settle(c);
	assert_int_equal(r->priority, 3);
	assert_non_null(strstr(r->options, "\"priority\":3"));
	assert_int_equal(fake.done, 2);
	store_refuse(c, NULL);
	store_refuse(c, "INSERT ON held_tasks");
	assert_int_equal(task_hold(r, 1, true, fake_done, NULL), 0);
	assert_true(r->task[1].held);
	settle(c);
	assert_false(r->task[1].held);
	assert_int_equal(fake.done, 3);
	store_refuse(c, NULL);
	engine_add(c, 0);
	assert_sent(c, "send 1.0 to 0, send 1.1 to 0");
}

/* max_running, retries and targets hold for what has not begun; a time limit for what
 * runs, too. */
static void test_options_change(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 2, "{'max_running': 1, 'time_limit': 5}");

	engine_add(c, 0);
	engine_add(c, 1);
	assert_sent(c, "send 1.0 to 1");
	assert_int_equal(set_option(r, "targets", "[0]"), 0);
	assert_int_equal(set_option(r, "max_running", "2"), 0);
	assert_sent(c, "send 1.1 to 0");
	assert_int_equal(set_option(r, "targets", "\"all\""), 0);
	assert_int_equal(set_option(r, "max_running", NULL), 0);
	assert_null(strstr(r->options, "max_running"));
	settle(c);
	assert_int_equal(set_option(r, "retries", "3"), 0);
	settle(c);
	assert_int_equal(r->retries, 3);
	assert_int_equal(fake.done, 5);
	buf_clear(&fake.sent);
	assert_int_equal(set_option(r, "time_limit", "2.5"), 0);
	assert_int_equal(fake.sent.n, 0);
	settle(c);
	assert_int_equal(fake.done_err, 0);
	assert_non_null(strstr(buf_str(&fake.sent), "limit 1.0 to 2500000"));
	assert_non_null(strstr(buf_str(&fake.sent), "limit 1.1 to 2500000"));
	assert_int_equal(run_at(r, 0)->needs->time_limit, 2500000);
	fake.signal_err = -EHOSTUNREACH;
	assert_int_equal(set_option(r, "time_limit", NULL), 0);
	settle(c);
	assert_int_equal(fake.done_err, -EHOSTUNREACH);
	assert_int_equal(r->needs->time_limit, 0);
}

static void refused(struct result *r, const char *option, const char *json,
		    const char *why)
{
	assert_int_equal(set_option(r, option, json), -EINVAL);
	assert_string_equal(buf_str(&fake.why), why);
}

static void test_options_that_do_not_change(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'cpus': 2}"), *view;

	engine_add(c, 0);
	view = submit_view(c, "{'targets': [0]}");
	settle(c);
	refused(r, "open", "1", "\"open\" cannot be changed");
	refused(r, "cpus", "1", "\"cpus\" cannot be changed");
	refused(r, "max_running", "1", "\"max_running\" is for a map");
	refused(r, "retries", "-1", "\"retries\" must be from 0 to 1000");
	refused(r, "targets", "[7]", "\"targets\": none of these engines is there");
	refused(view, "targets", "[0]",
		"it is a view: each of its tasks is for its engine");
	assert_int_equal(fake.done, 0);
	assert_int_equal(r->ntargets, 0);
}

static int add(struct result *r, unsigned n)
{
	struct buf items = BUF_INIT;
	unsigned i;
	int err;

	for (i = 0; i < n; i++)
		buf_put(&items, "y", 2);
	buf_clear(&fake.why);
	err = result_add(r, &items, n, &fake.why, fake_done, NULL);
	buf_done(&items);
	return err;
}

/* It ends when it is closed, and its tasks have ended. */
static void test_an_open_map(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 1, "{'open': 1}"), *after;

	after = submit(c, "{'after': [1]}");
	engine_add(c, 0);
	assert_sent(c, "send 1.0 to 0");
	ends(r, 0, EVENT_SUCCEED);
	assert_int_equal(result_state(r), STATE_RUNNING);
	assert_int_equal(result_purge(r, NULL, NULL), -EBUSY);
	assert_int_equal(add(r, 2), 0);
	assert_int_equal(r->ntasks, 1);
	assert_sent(c, "send 1.1 to 0, send 1.2 to 0");
	ends(r, 2, EVENT_SUCCEED);
	assert_tasks(r, "oro");
	assert_int_equal(result_close(r, fake_done, NULL), 0);
	assert_int_equal(result_close(r, fake_done, NULL), -EALREADY);
	assert_int_equal(add(r, 1), -EPERM);
	assert_string_equal(buf_str(&fake.why), "the map is closed");
	settle(c);
	assert_int_equal(result_state(r), STATE_RUNNING);
	assert_int_equal(after->unmet, 1);
	ends(r, 1, EVENT_SUCCEED);
	assert_int_equal(result_state(r), STATE_OK);
	assert_int_equal(add(r, 1), -ESRCH);
	assert_sent(c, "send 2.0 to 0");
	assert_int_equal(fake.done, 2);
}

static void test_an_open_map_is_aborted(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 2, "{'open': 1}");

	settle(c);
	assert_int_equal(add(r, 2), 0);
	assert_int_equal(result_abort(r), 0);
	assert_int_equal(add(r, 1), -ESRCH);
	settle(c);
	assert_tasks(r, "aaaa");
	assert_int_equal(result_state(r), STATE_ABORTED);
	c = fake_restart(state);
	r = result_find(c, 1);
	assert_tasks(r, "aaaa");
	assert_int_equal(result_state(r), STATE_ABORTED);
}

static void test_items_that_are_not_stored(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 1, "{'open': 1}");

	settle(c);
	store_refuse(c, "UPDATE ON results");
	assert_int_equal(add(r, 2), 0);
	assert_int_equal(result_close(r, fake_done, NULL), 0);
	settle(c);
	assert_int_equal(fake.done, 2);
	assert_int_equal(fake.done_err, -EEXIST);
	assert_true(r->open);
	assert_int_equal(r->ntasks, 1);
	assert_int_equal(r->adding, 0);
	store_refuse(c, NULL);
	assert_int_equal(add(r, 1), 0);
	settle(c);
	c = fake_restart(state);
	r = result_find(c, 1);
	assert_true(r->open);
	assert_tasks(r, "pp");
	assert_int_equal(r->items.n, 4);
	engine_add(c, 0);
	assert_sent(c, "send 1.0 to 0, send 1.1 to 0");
	ends(r, 0, EVENT_SUCCEED);
	ends(r, 1, EVENT_SUCCEED);
	assert_int_equal(result_state(r), STATE_RUNNING);
	assert_int_equal(result_close(r, fake_done, NULL), 0);
	settle(c);
	assert_int_equal(result_state(r), STATE_OK);
}

/* They are as they were after a restart. */
static void test_settings_are_kept(void **state)
{
	struct controller *c = *state;
	struct result *a = submit(c, "{}"), *b = submit_map(c, 2, "{}");

	assert_int_equal(result_hold(a, true, fake_done, NULL), 0);
	assert_int_equal(task_hold(b, 1, true, fake_done, NULL), 0);
	assert_int_equal(set_option(b, "priority", "-4"), 0);
	assert_int_equal(set_option(b, "max_running", "5"), 0);
	settle(c);
	c = fake_restart(state);
	a = result_find(c, 1);
	b = result_find(c, 2);
	assert_true(a->held);
	assert_false(b->task[0].held);
	assert_true(b->task[1].held);
	assert_int_equal(b->priority, -4);
	assert_int_equal(b->max_running, 5);
	engine_add(c, 0);
	assert_sent(c, "send 2.0 to 0");
}

/* The result is gone when its setting is stored. */
static void test_a_purge_behind_a_setting(void **state)
{
	struct controller *c = *state;
	struct result *r = bring(c, ENDING);

	assert_int_equal(result_hold(r, true, fake_done, NULL), 0);
	settle(c);
	assert_tasks(r, "e");
	assert_int_equal(result_hold(r, false, fake_done, NULL), -ESRCH);
	assert_int_equal(result_purge(r, fake_done, NULL), 0);
	settle(c);
	assert_null(result_find(c, 2));
	assert_int_equal(fake.done, 3);
	assert_int_equal(fake.done_err, 0);
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_each_verb_in_each_situation),
	CONTROLLER_TEST(test_an_engine_refuses),
	CONTROLLER_TEST(test_an_abort_ends_the_tries),
	CONTROLLER_TEST(test_abort_of_a_map),
	CONTROLLER_TEST(test_one_task_of_a_map_is_held),
	CONTROLLER_TEST(test_settings_that_are_not_stored),
	CONTROLLER_TEST(test_options_change),
	CONTROLLER_TEST(test_options_that_do_not_change),
	CONTROLLER_TEST(test_an_open_map),
	CONTROLLER_TEST(test_an_open_map_is_aborted),
	CONTROLLER_TEST(test_items_that_are_not_stored),
	CONTROLLER_TEST(test_settings_are_kept),
	CONTROLLER_TEST(test_a_purge_behind_a_setting),
};

UNIT_MAIN(tests)
