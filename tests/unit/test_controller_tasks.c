/* What becomes of a task: each state, and each event in it. */
#include "tests/unit/fake_controller.h"

#include "model/ready.h"
#include "model/tasks.h"
#include "schedule/apply.h"
#include "schedule/ending.h"

#define OUTPUT "so far"
#define HOUR (3600 * (int64_t)USEC_PER_SEC)

/* What is to come of an event; STATE_NONE: it cannot happen. */
static const enum state next[STATES][STATE_EVENTS] = {
	[STATE_PENDING] = {
		[EVENT_START] = STATE_RUNNING,
		[EVENT_FAIL] = STATE_ERROR,
		[EVENT_ABORT] = STATE_ABORTED,
		[EVENT_REQUEUE] = STATE_PENDING,
	},
	[STATE_RUNNING] = {
		[EVENT_SUCCEED] = STATE_OK,
		[EVENT_FAIL] = STATE_ERROR,
		[EVENT_ABORT] = STATE_ABORTED,
		[EVENT_REQUEUE] = STATE_PENDING,
	},
};

/* A result whose one task is in this state; it runs on engine 3. */
static struct result *in_state(struct controller *c, enum state s)
{
	static const enum state_event by[STATES] = {
		[STATE_OK] = EVENT_SUCCEED,
		[STATE_ERROR] = EVENT_FAIL,
		[STATE_ABORTED] = EVENT_ABORT,
	};
	struct result *r = submit(c, "{}");

	if (s == STATE_PENDING) {
		settle(c);
		return r;
	}
	engine_add(c, 3);
	settle(c);
	if (by[s])
		ends(r, 0, by[s]);
	assert_int_equal(result_state(r), s);
	return r;
}

static struct task_row new_row(const struct result *r, enum state s)
{
	struct task_row row = task_row(r, 0);

	row.state = s;
	row.completed = row.received = 7000000;
	row.elapsed = 5000000;
	if (s == STATE_ERROR)
		row.ename = xstrdup("TaskTimeout");
	if (state_is_final(s)) {
		row.size[STREAM_STDOUT] = strlen(OUTPUT);
		buf_puts(&row.bytes[STREAM_STDOUT], OUTPUT);
	}
	return row;
}

static void assert_applied(const struct result *r, enum state s)
{
	const struct task *t = &r->task[0];
	const struct controller *c = r->c;
	int i;

	for (i = STATE_PENDING; i < STATES; i++) {
		assert_int_equal(r->count[i], i == (int)s);
		assert_int_equal(c->results->tasks[i], i == (int)s);
	}
	assert_int_equal(t->state, s);
	assert_int_equal(t->timed_out, s == STATE_ERROR);
	/* It is in line only while it waits; it is finished only when it has ended. */
	assert_int_equal(!list_empty(&r->ready_link), s == STATE_PENDING);
	assert_int_equal(!list_empty(&r->finished), state_is_final(s));
	assert_int_equal(c->results->nfinished, state_is_final(s));
	assert_true(r->changed & (state_is_final(s) ? CHANGED_END
						    : CHANGED_STATE));
	if (state_is_final(s)) {
		assert_int_equal(r->completed, 7000000);
		assert_int_equal(r->elapsed, 5000000);
		assert_text(buf_bytes(&t->out->of[STREAM_STDOUT].mem), OUTPUT);
		assert_int_equal(c->results->stored_bytes,
				 strlen("true") + strlen(OUTPUT));
		assert_false(r->input_here);
	}
}

/* One controller for each, so that all there is to count is of this. */
static void apply(void **state, enum state from, enum state_event event)
{
	struct controller *c = *state;
	enum state to = next[from][event];
	struct result *r = in_state(c, from);
	uint64_t begun = c->count.begun, ended = c->count.ended[to];
	struct task_row row;

	assert_int_equal(state_next(from, event), to);
	if (to == STATE_NONE)
		return;
	row = new_row(r, to);
	r->changed = 0;
	if (from == STATE_PENDING) {
		task_claim(r, 0);
		ready_remove(r);
	}
	task_apply(r, &row, event);
	task_row_done(&row);
	assert_applied(r, to);
	assert_int_equal(c->count.begun, begun + (event == EVENT_START));
	assert_int_equal(c->count.ended[to], ended + state_is_final(to));
	if (from == STATE_RUNNING)
		run_free(run_at(r, 0));
	settle(c);
}

static void test_each_event_in_each_state(void **state)
{
	int s, e;

	for (s = STATE_PENDING; s < STATES; s++)
		for (e = 0; e < STATE_EVENTS; e++) {
			apply(state, (enum state)s, (enum state_event)e);
			fake_teardown(state);
			fake_setup(state);
		}
}

/* What the last try wrote is not what the next one will. */
static void test_a_new_try_begins_without_output(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'retries': 1}");

	engine_add(c, 0);
	settle(c);
	assert_true(task_output(r, 0, STREAM_STDOUT, 0, bytes_str(OUTPUT)));
	assert_int_equal(r->task[0].size[STREAM_STDOUT], strlen(OUTPUT));
	ends(r, 0, EVENT_FAIL);
	assert_tasks(r, "r");
	assert_null(r->task[0].out);
	assert_int_equal(r->task[0].size[STREAM_STDOUT], 0);
	assert_int_equal(r->task[0].attempt, 2);
}

/* Pieces come in order; from the beginning again they replace what was there. */
static void test_pieces_of_an_output(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");
	struct buf long_one = BUF_INIT;

	engine_add(c, 0);
	settle(c);
	assert_true(task_output(r, 0, STREAM_STDOUT, 0, bytes_str("ab")));
	assert_false(task_output(r, 0, STREAM_STDOUT, 1, bytes_str("c")));
	assert_false(task_output(r, 0, STREAM_STDOUT, 3, bytes_str("c")));
	assert_true(task_output(r, 0, STREAM_STDOUT, 2, bytes_str("c")));
	assert_text(buf_bytes(&r->task[0].out->of[STREAM_STDOUT].mem), "abc");
	assert_true(task_output(r, 0, STREAM_STDOUT, 0, bytes_str("new")));
	assert_text(buf_bytes(&r->task[0].out->of[STREAM_STDOUT].mem), "new");
	/* What is long is a file. */
	while (long_one.n < 70000)
		buf_putc(&long_one, 'x');
	assert_true(task_output(r, 0, STREAM_STDOUT, 3, buf_bytes(&long_one)));
	assert_true(r->task[0].out->of[STREAM_STDOUT].in_file);
	buf_done(&long_one);
	ends(r, 0, EVENT_SUCCEED);
	assert_int_equal(r->task[0].size[STREAM_STDOUT], 70003);
	assert_int_equal(r->task[0].in_file, 1U << STREAM_STDOUT);
	assert_false(task_output(r, 0, STREAM_STDOUT, 70003, bytes_str("d")));
}

/* What waits, what is ready, and in which order it is taken. */
static void test_tasks_are_taken_in_order(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 4, "{}");

	settle(c);
	assert_int_equal(result_waiting_task(r), 0);
	task_claim(r, 0);
	task_claim(r, 0);
	task_claim(r, 2);
	assert_false(task_is_waiting(&r->task[0]));
	assert_int_equal(result_waiting_task(r), 1);
	task_set_held(r, 1, true);
	assert_true(task_is_waiting(&r->task[1]));
	assert_false(task_is_ready(&r->task[1]));
	assert_int_equal(result_waiting_task(r), 3);
	task_claim(r, 3);
	assert_int_equal(result_waiting_task(r), -1);
	task_unclaim(r, 2);
	assert_int_equal(result_waiting_task(r), 2);
	task_set_held(r, 1, false);
	assert_int_equal(result_waiting_task(r), 1);
	task_unclaim(r, 0);
	assert_int_equal(result_waiting_task(r), 0);
	assert_int_equal(r->again, 3);
	task_unclaim(r, 3);
	assert_int_equal(r->again, 4);
}

/* A held task that is claimed and comes back is still held. */
static void test_a_held_task_comes_back_held(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 2, "{}");

	settle(c);
	task_claim(r, 0);
	task_set_held(r, 0, true);
	task_unclaim(r, 0);
	assert_int_equal(r->again, 0);
	assert_int_equal(result_waiting_task(r), 1);
	task_set_held(r, 0, false);
	assert_int_equal(r->again, 1);
	assert_int_equal(result_waiting_task(r), 0);
}

/* A try cannot have run for longer than since it was begun. */
static void test_times_of_a_try(void **state)
{
	static const struct {
		int64_t ran, ago, want_ran, want_began;
	} of[] = {
		{.ran = 3, .ago = 0, .want_ran = 3, .want_began = 7},
		{.ran = 3, .ago = 2, .want_ran = 3, .want_began = 5},
		{.ran = -1, .ago = 0, .want_ran = 6, .want_began = 4},
		{.ran = 60, .ago = 0, .want_ran = 6, .want_began = 4},
		{.ran = 3, .ago = 60, .want_ran = 3, .want_began = 7},
		{.ran = 3, .ago = -1, .want_ran = 3, .want_began = 7},
	};
	struct controller *c = *state;
	struct result *r = submit(c, "{}");
	struct task_row row = {0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(of); i++) {
		/* Submitted ten hours ago, begun after four. */
		r->born = 0;
		c->clock = 10 * HOUR - steady_usec();
		row.began = 4 * HOUR;
		task_row_ran(r, &row, of[i].ran < 0 ? -1 : of[i].ran * HOUR,
			     of[i].ago * HOUR);
		/* To the hour; the test takes less than half of one. */
		assert_int_equal((row.ran + HOUR / 2) / HOUR, of[i].want_ran);
		assert_int_equal((row.began + HOUR / 2) / HOUR,
				 of[i].want_began);
	}
	settle(c);
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_each_event_in_each_state),
	CONTROLLER_TEST(test_a_new_try_begins_without_output),
	CONTROLLER_TEST(test_pieces_of_an_output),
	CONTROLLER_TEST(test_tasks_are_taken_in_order),
	CONTROLLER_TEST(test_a_held_task_comes_back_held),
	CONTROLLER_TEST(test_times_of_a_try),
};

UNIT_MAIN(tests)
