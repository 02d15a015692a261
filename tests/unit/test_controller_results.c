/* Results: made, named, stored, and there again after a restart. */
#include "tests/unit/fake_controller.h"

#include "model/clock.h"
#include "model/items.h"
#include "model/tasks.h"
#include "schedule/lifetime.h"
#include "schedule/run.h"

static void test_options(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 5,
				      "{'priority': -3, 'retries': 4,"
				      " 'chunk': 2, 'halt': 1, 'max_running': 9,"
				      " 'timeout': 1.5, 'targets': [3, 1]}");

	assert_int_equal(r->id, 1);
	assert_string_equal(r->kind, "map");
	assert_int_equal(r->priority, -3);
	assert_int_equal(r->retries, 4);
	assert_int_equal(r->chunk, 2);
	assert_int_equal(r->halt, 1);
	assert_int_equal(r->max_running, 9);
	assert_int_equal(r->timeout, 1500000);
	assert_int_equal(r->ntargets, 2);
	assert_int_equal(r->targets[0], 3);
	assert_int_equal(r->targets[1], 1);
	r = submit(c, "{}");
	assert_int_equal(r->id, 2);
	assert_string_equal(r->kind, "task");
	assert_int_equal(r->priority, 0);
	assert_int_equal(r->chunk, 1);
	assert_int_equal(r->timeout, 0);
	assert_int_equal(r->ntargets, 0);
	settle(c);
}

static void test_items(void **state)
{
	static const char block[] = "a\0bc\0\0d\0e";
	struct result_spec spec = {.ops = &result_ops_mount, .kind = "map",
				   .ntasks = 3};
	struct controller *c = *state;
	struct result *r;

	assert_int_equal(items_count(bytes_of(block, sizeof(block))), 5);
	assert_int_equal(items_count(bytes_of(block, sizeof(block) - 1)), 0);
	assert_int_equal(items_count(bytes_of(block, 0)), 0);
	buf_put(&spec.items, block, sizeof(block));
	spec.options = json_parse(bytes_str("{\"chunk\": 2}"), NULL);
	r = result_new(c, &spec);
	json_object_put(spec.options);
	assert_bytes(items_of(r, 0), bytes_of("a\0bc", 5));
	assert_bytes(items_of(r, 1), bytes_of("\0d", 3));
	assert_bytes(items_of(r, 2), bytes_of("e", 2));
	items_free(r);
	assert_bytes(items_of(r, 0), bytes_of("", 0));
}

/* The newest of a name has it; when that is gone, the one before. */
static void test_names(void **state)
{
	struct controller *c = *state;
	struct bytes name = bytes_str("build");
	struct result *r[3];
	int i;

	assert_null(result_named(c, 1000, name));
	for (i = 0; i < 3; i++) {
		r[i] = submit(c, "{'label': 'build'}");
		assert_ptr_equal(result_named(c, 1000, name), r[i]);
	}
	assert_null(result_named(c, 1001, name));
	assert_null(result_named(c, 1000, bytes_str("buil")));
	settle(c);
	result_free(r[1]);
	assert_ptr_equal(result_named(c, 1000, name), r[2]);
	result_free(r[2]);
	assert_ptr_equal(result_named(c, 1000, name), r[0]);
	c = fake_restart(state);
	assert_ptr_equal(result_named(c, 1000, name), result_find(c, 3));
	assert_ptr_equal(result_find(c, 3)->older, result_find(c, 2));
}

static struct result *with_token(struct controller *c, const char *token)
{
	struct result *r = result_make(c, c->results->next_id, 1);

	r->ops = &result_ops_mount;
	r->kind = "task";
	r->options = xstrdup("{}");
	r->born = clock_now(c);
	result_set_token(r, token);
	return r;
}

static void is_stored(struct store_op *op)
{
	assert_int_equal(op->err, 0);
	result_set_stored(result_find(op->arg, op->result.id));
}

/* A token that comes again is of the same submission, for some minutes. */
static void test_tokens(void **state)
{
	struct controller *c = *state;
	struct result *r = with_token(c, "one"), *old = with_token(c, "old");

	old->born -= 601 * (int64_t)USEC_PER_SEC;
	result_put(r, is_stored, c);
	result_put(old, is_stored, c);
	assert_ptr_equal(result_by_token(c, "one"), r);
	assert_null(result_by_token(c, "two"));
	settle(c);
	c = fake_restart(state);
	assert_ptr_equal(result_by_token(c, "one"), result_find(c, 1));
	assert_non_null(result_find(c, 2));
	assert_null(result_by_token(c, "old"));
}

/* Small input stays here until the end, large comes from the store. */
static void test_input(void **state)
{
	static const size_t sizes[] = {0, 1, 60000, 70000};
	struct controller *c = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		bool stays = sizes[i] <= 60000;
		struct result *r;

		fake.stdin_size = sizes[i];
		r = submit(c, "{}");
		assert_int_equal(result_keeps_input(r), stays);
		settle(c);
		assert_int_equal(r->input_here, stays);
		assert_int_equal(r->stdin_size, sizes[i]);
		engine_add(c, (int64_t)i);
		settle(c);
		assert_int_equal(fake.code_sent, strlen("true"));
		assert_int_equal(fake.stdin_sent, sizes[i]);
		ends(r, 0, EVENT_SUCCEED);
		assert_false(r->input_here);
		engine_free(engine_find(c, (int64_t)i));
	}
}

/* Nothing is told of a result that is not stored, and of each task once. */
static void test_what_changed(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 3, "{}");

	result_changed(r, CHANGED_STATE);
	assert_int_equal(r->changed, 0);
	assert_true(list_empty(&c->changes->results));
	settle(c);
	assert_int_equal(r->changed, CHANGED_ALL);
	assert_int_equal(c->count.submitted, 1);
	result_changed(r, CHANGED_SIZES);
	assert_int_equal(r->changed, CHANGED_ALL | CHANGED_SIZES);
	assert_ptr_equal(list_first(&c->changes->results, struct result,
				    changed_link), r);
	task_changed(r, 2);
	task_changed(r, 0);
	task_changed(r, 2);
	assert_int_equal(r->ntold, 2);
	assert_int_equal(r->told[0], 2);
	assert_int_equal(r->told[1], 0);
}

/* What many tasks come to. */
static void test_state_of_many_tasks(void **state)
{
	static const struct {
		enum state_event event[3];
		enum state last;
	} of[] = {
		{{EVENT_SUCCEED, EVENT_SUCCEED, EVENT_SUCCEED}, STATE_OK},
		{{EVENT_SUCCEED, EVENT_ABORT, EVENT_SUCCEED}, STATE_ABORTED},
		{{EVENT_FAIL, EVENT_ABORT, EVENT_SUCCEED}, STATE_ERROR},
	};
	struct controller *c = *state;
	size_t i;

	engine_add(c, 0);
	for (i = 0; i < ARRAY_SIZE(of); i++) {
		struct result *r = submit_map(c, 3, "{}");

		assert_int_equal(result_state(r), STATE_PENDING);
		settle(c);
		assert_int_equal(result_state(r), STATE_RUNNING);
		ends(r, 1, of[i].event[1]);
		assert_int_equal(result_state(r), STATE_RUNNING);
		ends(r, 0, of[i].event[0]);
		assert_true(list_empty(&r->finished));
		ends(r, 2, of[i].event[2]);
		assert_int_equal(result_state(r), of[i].last);
		assert_false(list_empty(&r->finished));
		/* The details of a task of many are the store's. */
		assert_null(r->task[0].details);
	}
}

/* --- after a restart -------------------------------------------------------- */

static void test_what_ended_is_as_it_was(void **state)
{
	struct controller *c = *state;
	struct result *one = submit(c, "{'retries': 1}");
	struct result *map = submit_map(c, 4, "{'halt': 1}");
	struct task was[4];
	int64_t elapsed;
	int i;

	c->config.hwm = 2;
	engine_add(c, 5);
	settle(c);
	assert_tasks(map, "rppp");
	ends(one, 0, EVENT_FAIL);
	ends(map, 0, EVENT_FAIL);
	assert_tasks(map, "eraa");
	ends(map, 1, EVENT_SUCCEED);
	ends(one, 0, EVENT_FAIL);
	elapsed = one->elapsed;
	memcpy(was, map->task, sizeof(was));
	c = fake_restart(state);
	one = result_find(c, 1);
	map = result_find(c, 2);
	assert_tasks(one, "e");
	assert_error(one, "ExitStatus: exit status 1");
	assert_int_equal(one->task[0].attempt, 2);
	assert_int_equal(one->elapsed, elapsed);
	assert_tasks(map, "eoaa");
	assert_string_equal(map->unbegun.ename, "Halted");
	for (i = 0; i < 4; i++) {
		assert_int_equal(map->task[i].engine, was[i].engine);
		assert_int_equal(map->task[i].began, was[i].began);
		assert_int_equal(map->task[i].ran, was[i].ran);
		assert_int_equal(map->task[i].elapsed, was[i].elapsed);
		assert_int_equal(map->task[i].completed, was[i].completed);
	}
	assert_int_equal(c->results->nfinished, 2);
	assert_int_equal(c->results->next_id, 3);
	engine_add(c, 6);
	assert_sent(c, "send 1.0 to 5, send 2.0 to 5, send 2.1 to 5, "
		       "send 1.0 to 5");
}

/* What ran goes on where it ran; what waited waits. */
static void test_what_ran_goes_on(void **state)
{
	struct controller *c = *state;
	struct result *r = submit_map(c, 3, "{}");
	struct engine *e;

	c->config.hwm = 1;
	engine_add(c, 5);
	settle(c);
	ends(r, 0, EVENT_SUCCEED);
	assert_tasks(r, "orp");
	c = fake_restart(state);
	c->config.hwm = 1;
	buf_clear(&fake.sent);
	r = result_find(c, 1);
	assert_tasks(r, "orp");
	e = engine_find(c, 5);
	assert_int_equal(e->state, ENGINE_LOST);
	assert_int_equal(e->load, 1);
	assert_int_equal(run_at(r, 1)->trace, RUN_RESTORED);
	assert_ptr_equal(run_at(r, 1)->engine, e);
	assert_sent(c, "");
	e->state = ENGINE_LIVE;
	ends(r, 1, EVENT_SUCCEED);
	assert_sent(c, "send 1.2 to 5");
	assert_tasks(r, "oor");
}

/* Nobody knows its engine any more. */
static void test_what_ran_somewhere(void **state)
{
	struct store_op *op = store_op_new(STORE_ENGINE_GONE);
	struct controller *c = *state;
	struct result *r, *again;

	submit(c, "{}");
	submit(c, "{'retries': 1}");
	engine_add(c, 5);
	settle(c);
	op->engine.id = 5;
	store_put(c->store, op);
	settle(c);
	c = fake_restart(state);
	r = result_find(c, 1);
	again = result_find(c, 2);
	assert_tasks(r, "r");
	settle(c);
	assert_error(r, "EngineError: the controller ended while the task ran, "
			"and its engine is not known any more");
	assert_tasks(again, "p");
	assert_int_equal(again->task[0].attempt, 1);
}

/* It was asked for before the end, and is begun after it, for the first time. */
static void test_what_was_put_back(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{}");

	fake.send_err = -EHOSTUNREACH;
	engine_add(c, 5);
	settle(c);
	assert_tasks(r, "p");
	c = fake_restart(state);
	r = result_find(c, 1);
	assert_tasks(r, "p");
	assert_int_equal(r->task[0].attempt, 0);
	fake.send_err = 0;
	buf_clear(&fake.sent);
	engine_add(c, 6);
	assert_sent(c, "send 1.0 to 6");
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_options),
	CONTROLLER_TEST(test_items),
	CONTROLLER_TEST(test_names),
	CONTROLLER_TEST(test_tokens),
	CONTROLLER_TEST(test_input),
	CONTROLLER_TEST(test_what_changed),
	CONTROLLER_TEST(test_state_of_many_tasks),
	CONTROLLER_TEST(test_what_ended_is_as_it_was),
	CONTROLLER_TEST(test_what_ran_goes_on),
	CONTROLLER_TEST(test_what_ran_somewhere),
	CONTROLLER_TEST(test_what_was_put_back),
};

UNIT_MAIN(tests)
