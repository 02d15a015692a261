/* How runs end: well, with an error, with their engine, without the store. */
#include "tests/unit/fake_controller.h"

#include "model/ready.h"
#include "model/tasks.h"
#include "schedule/ending.h"
#include "schedule/lifetime.h"
#include "schedule/sched.h"
#include "steer/steer.h"

static const struct ending failure = {
	.event = EVENT_FAIL,
	.ename = "ExitStatus",
	.evalue = "exit status 1",
};

static void test_each_ending(void **state)
{
	static const struct {
		enum state_event event;
		const char *tasks, *error;
	} of[] = {
		{EVENT_SUCCEED, "o", ": "},
		{EVENT_FAIL, "e", "ExitStatus: exit status 1"},
		{EVENT_ABORT, "a", ": "},
	};
	struct controller *c = *state;
	struct engine *e = engine_add(c, 0);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(of); i++) {
		struct result *r = submit(c, "{}");

		settle(c);
		assert_int_equal(e->load, 1);
		assert_ptr_equal(run_at(r, 0)->engine, e);
		ends_soon(r, 0, of[i].event);
		/* It has no engine any more; the end is told when it is stored. */
		assert_int_equal(e->load, 0);
		assert_null(run_at(r, 0)->engine);
		assert_tasks(r, "r");
		run_end(run_at(r, 0), &failure, NULL);
		settle(c);
		assert_tasks(r, of[i].tasks);
		assert_error(r, of[i].error);
		assert_null(run_at(r, 0));
		assert_int_equal(fake.freed, i + 1);
		assert_int_equal(fake.stored, i + 1);
		assert_int_equal(r->task[0].attempt, 1);
	}
}

/* "1 0 START END OUTCOME BEGAN RAN" */
static void assert_attempts(const struct result *r, const char *const *outcome)
{
	const struct details *d = r->task[0].details;
	struct bytes rest = bytes_str(d && d->attempts ? d->attempts : "");
	char number[16], want[64], line[512];
	unsigned n = 0;

	for (; outcome[n]; n++) {
		size_t len = strcspn(rest.p, "\n");

		snprintf(line, sizeof(line), "%.*s ", (int)len,
			 (const char *)rest.p);
		snprintf(number, sizeof(number), "%u ", n + 1);
		snprintf(want, sizeof(want), " %s ", outcome[n]);
		assert_int_equal(strncmp(line, number, strlen(number)), 0);
		assert_non_null(strstr(line, want));
		assert_true(rest.n > len);
		rest = bytes_of((const char *)rest.p + len + 1, rest.n - len - 1);
	}
	assert_int_equal(rest.n, 0);
}

static void test_retries(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'retries': 2}");

	engine_add(c, 0);
	settle(c);
	ends(r, 0, EVENT_FAIL);
	ends(r, 0, EVENT_FAIL);
	assert_tasks(r, "r");
	assert_int_equal(c->count.retried, 2);
	assert_int_equal(r->task[0].attempt, 3);
	ends(r, 0, EVENT_FAIL);
	assert_tasks(r, "e");
	assert_attempts(r, (const char *const[]){"ExitStatus", "ExitStatus",
						 "ExitStatus", NULL});
	assert_int_equal(c->count.begun, 3);
	assert_int_equal(c->count.ended[STATE_ERROR], 1);
	r = submit(c, "{'retries': 2}");
	settle(c);
	ends(r, 0, EVENT_FAIL);
	ends(r, 0, EVENT_SUCCEED);
	assert_tasks(r, "o");
	assert_attempts(r, (const char *const[]){"ExitStatus", "ok", NULL});
}

/* Who has ended the task does not matter: a lost engine is known by its error. */
static void test_lost_engines_are_counted(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'retries': 1, 'retry_on': ['lost', 'error']}");
	struct ending how = failure;
	int i;

	engine_add(c, 0);
	settle(c);
	how.ename = "EngineError";
	for (i = 0; i < 5; i++) {
		run_end(run_at(r, 0), &how, NULL);
		settle(c);
		assert_tasks(r, "r");
	}
	run_end(run_at(r, 0), &how, NULL);
	settle(c);
	assert_tasks(r, "e");
}

/* What an engine says of its error may be many words, and none. */
static void test_the_outcome_is_one_word(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'retries': 2}");
	struct ending how = failure;

	engine_add(c, 0);
	settle(c);
	how.ename = "Bad\nthings happen";
	run_end(run_at(r, 0), &how, NULL);
	settle(c);
	how.ename = " ";
	run_end(run_at(r, 0), &how, NULL);
	settle(c);
	how.ename = NULL;
	run_end(run_at(r, 0), &how, NULL);
	settle(c);
	assert_attempts(r, (const char *const[]){"Bad", "error", "error", NULL});
}

/* --- engines ---------------------------------------------------------------- */

static void test_an_engine_goes_while_it_begins(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");
	struct engine *e = engine_add(c, 0);
	char *msg_id;

	place(c);
	assert_int_equal(run_at(r, 0)->phase, RUN_STARTING);
	msg_id = xstrdup(run_at(r, 0)->msg_id);
	engine_vanish(e);
	assert_sent(c, "");
	/* That was no try. */
	assert_tasks(r, "p");
	assert_int_equal(r->task[0].attempt, 0);
	engine_add(c, 1);
	assert_sent(c, "send 1.0 to 1");
	assert_string_equal(run_at(r, 0)->msg_id, msg_id);
	free(msg_id);
}

static void test_an_engine_goes_while_it_runs(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'retries': 1}");
	struct engine *e = engine_add(c, 0), *other;

	settle(c);
	e->unknown_end = "nobody knows";
	engine_vanish(e);
	assert_true(list_empty(&e->runs));
	assert_int_equal(e->load, 0);
	settle(c);
	assert_tasks(r, "p");
	other = engine_add(c, 1);
	settle(c);
	engine_vanish(other);
	settle(c);
	assert_error(r, "EngineError: the engine is gone");
	assert_attempts(r, (const char *const[]){"lost", "EngineError", NULL});
}

static void test_an_engine_goes_when_all_was_said(void **state)
{
	struct controller *c = *state;
	struct result *ended = submit(c, "{}"), *aborted = submit(c, "{}");
	struct engine *e = engine_add(c, 0);

	settle(c);
	ends_soon(ended, 0, EVENT_SUCCEED);
	assert_int_equal(result_abort(aborted), 0);
	run_at(aborted, 0)->abort = true;
	engine_vanish(e);
	settle(c);
	assert_tasks(ended, "o");
	assert_tasks(aborted, "a");
}

static void test_an_engine_cannot_be_reached(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");
	struct engine *e = engine_add(c, 0);

	fake.send_err = -EHOSTUNREACH;
	assert_sent(c, "send 1.0 to 0");
	assert_tasks(r, "p");
	assert_int_equal(r->task[0].attempt, 0);
	assert_true(e->not_before > mono_usec() - USEC_PER_SEC);
	assert_int_equal(e->load, 0);
	e->not_before = UINT64_MAX;
	sched_kick(c);
	assert_sent(c, "");
	fake.send_err = 0;
	e->not_before = 0;
	sched_kick(c);
	assert_sent(c, "send 1.0 to 0");
	assert_int_equal(r->task[0].attempt, 1);
}

static void test_an_engine_cannot_honour_an_option(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");

	fake.refusal = "it has no such thing";
	engine_add(c, 0);
	assert_sent(c, "");
	assert_tasks(r, "e");
	assert_error(r, "UnsupportedOption: it has no such thing");
}

/* It has answered, its outputs are still to come: it can have another. */
static void test_an_engine_that_has_answered(void **state)
{
	struct controller *c = *state;
	struct engine *e = engine_add(c, 0);
	struct result *r = submit_map(c, 2, "{}");

	c->config.hwm = 1;
	settle(c);
	assert_tasks(r, "rp");
	run_answered(run_at(r, 0));
	run_answered(run_at(r, 0));
	settle(c);
	assert_tasks(r, "rr");
	assert_int_equal(e->load, 1);
	/* Behind what it works on now. */
	assert_ptr_equal(list_first(&e->runs, struct run, engine_link),
			 run_at(r, 0));
	ends(r, 0, EVENT_SUCCEED);
	assert_int_equal(e->load, 1);
	ends(r, 1, EVENT_SUCCEED);
	assert_int_equal(e->load, 0);
}

/* --- the store refuses --------------------------------------------------------- */

static void test_a_start_that_is_not_stored(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}"), *aborted = submit(c, "{}");
	struct engine *e = engine_add(c, 0);

	store_refuse(c, "INSERT ON tasks");
	place(c);
	run_at(aborted, 0)->abort = true;
	aborted->aborting = true;
	assert_sent(c, "");
	assert_tasks(r, "p");
	assert_true(e->not_before > mono_usec());
	assert_int_equal(r->active, 0);
	store_refuse(c, NULL);
	/* The end of what was aborted meanwhile was refused as well. */
	store_again(c);
	assert_tasks(aborted, "a");
	e->not_before = 0;
	sched_kick(c);
	assert_sent(c, "send 1.0 to 0");
	assert_int_equal(r->task[0].attempt, 1);
}

static void test_an_end_that_is_not_stored(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}"), *next;

	c->config.hwm = 1;
	engine_add(c, 0);
	settle(c);
	store_refuse(c, "UPDATE ON tasks");
	next = submit(c, "{}");
	ends(r, 0, EVENT_SUCCEED);
	/* Nobody hears of it; the engine works. */
	assert_tasks(r, "r");
	assert_int_equal(run_at(r, 0)->phase, RUN_ENDING);
	assert_int_equal(fake.stored, 0);
	assert_tasks(next, "r");
	assert_int_equal(task_abort(r, 0), 0);
	store_refuse(c, NULL);
	store_again(c);
	assert_tasks(r, "o");
	assert_int_equal(fake.stored, 1);
}

/* The tasks of a map that wait have one end, in the row of their result. */
static void test_the_end_of_the_rest_is_not_stored(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 3, "{}");

	c->config.hwm = 1;
	engine_add(c, 0);
	settle(c);
	store_refuse(c, "UPDATE ON results");
	assert_int_equal(result_abort(r), 0);
	settle(c);
	assert_tasks(r, "rpp");
	store_refuse(c, NULL);
	store_again(c);
	assert_tasks(r, "raa");
	assert_int_equal(c->count.ended[STATE_ABORTED], 2);
	assert_true(r->told_unbegun);
}

/* Who submitted it was told no: it does not run. */
static void test_a_submission_that_is_not_stored(void **state)
{
	struct controller *c = *state;
	struct result *r;
	char *rows;

	settle(c);
	store_refuse(c, "INSERT ON results");
	submit(c, "{}");
	submit_map(c, 3, "{}");
	settle(c);
	assert_null(result_find(c, 1));
	assert_null(result_find(c, 2));
	/* With an engine it was being begun already. */
	engine_add(c, 0);
	settle(c);
	submit(c, "{}");
	submit_map(c, 3, "{}");
	place(c);
	assert_non_null(run_at(result_find(c, 3), 0));
	assert_sent(c, "");
	assert_int_equal(c->results->by_id.n, 0);
	assert_int_equal(c->runs->by_msg_id.n, 0);
	store_refuse(c, NULL);
	rows = stored_text(c, "SELECT count(*) FROM tasks");
	assert_string_equal(rows, "0");
	free(rows);
	engine_find(c, 0)->not_before = 0;
	r = submit(c, "{}");
	assert_sent(c, "send 5.0 to 0");
	assert_tasks(r, "r");
}

/* A piece of an output was lost, the end was not: that says so. */
static void test_an_output_that_is_not_stored(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");
	char *outputs = xasprintf("%s/outputs", c->config.data);
	char *away = xasprintf("%s/away", c->config.data);
	struct buf piece = BUF_INIT;

	engine_add(c, 0);
	settle(c);
	while (piece.n < 70000)
		buf_putc(&piece, 'x');
	assert_int_equal(rename(outputs, away), 0);
	assert_true(task_output(r, 0, STREAM_STDERR, 0, buf_bytes(&piece)));
	settle(c);
	assert_int_equal(rename(away, outputs), 0);
	ends(r, 0, EVENT_SUCCEED);
	assert_tasks(r, "e");
	assert_error(r, "StoreError: the controller could not store stderr: "
			"No such file or directory");
	assert_int_equal(r->task[0].size[STREAM_STDERR], 0);
	buf_done(&piece);
	free(outputs);
	free(away);
}

/* --- what a client sent -------------------------------------------------------- */

/* Its start was not stored before it was sent: the row of its end says it, too. */
static void test_a_run_of_a_client(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");
	struct engine *e;

	settle(c);
	e = engine_add(c, 3);
	task_claim(r, 0);
	ready_remove(r);
	task_set_msg_id(&r->task[0], "client_1");
	run_of_client(r, "client_1", e, &fake_run_ops);
	assert_sent(c, "");
	assert_tasks(r, "p");
	assert_ptr_equal(run_find(c, "client_1")->engine, e);
	ends(r, 0, EVENT_SUCCEED);
	assert_tasks(r, "o");
	assert_int_equal(c->count.begun, 1);
	assert_null(run_find(c, "client_1"));
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_each_ending),
	CONTROLLER_TEST(test_retries),
	CONTROLLER_TEST(test_lost_engines_are_counted),
	CONTROLLER_TEST(test_the_outcome_is_one_word),
	CONTROLLER_TEST(test_an_engine_goes_while_it_begins),
	CONTROLLER_TEST(test_an_engine_goes_while_it_runs),
	CONTROLLER_TEST(test_an_engine_goes_when_all_was_said),
	CONTROLLER_TEST(test_an_engine_cannot_be_reached),
	CONTROLLER_TEST(test_an_engine_cannot_honour_an_option),
	CONTROLLER_TEST(test_an_engine_that_has_answered),
	CONTROLLER_TEST(test_a_start_that_is_not_stored),
	CONTROLLER_TEST(test_an_end_that_is_not_stored),
	CONTROLLER_TEST(test_the_end_of_the_rest_is_not_stored),
	CONTROLLER_TEST(test_a_submission_that_is_not_stored),
	CONTROLLER_TEST(test_an_output_that_is_not_stored),
	CONTROLLER_TEST(test_a_run_of_a_client),
};

UNIT_MAIN(tests)
