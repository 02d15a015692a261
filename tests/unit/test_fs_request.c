#include "tests/unit/unit.h"
#include "fs/link/request.h"

#include <zmq.h>

/* A question that waits for a reply, one that is asked again after a loss. */
struct question {
	struct request q;
	int answers, err, again;
};

struct line {
	void *zmq, *server, *client;
	struct session session;
	struct requests requests;
};

static struct line line;

static int setup(void **state)
{
	(void)state;
	line.zmq = zmq_ctx_new();
	line.server = zmq_socket(line.zmq, ZMQ_ROUTER);
	line.client = zmq_socket(line.zmq, ZMQ_DEALER);
	session_init(&line.session, NULL, bytes_str("key"), 0);
	requests_init(&line.requests);
	return zmq_bind(line.server, "inproc://server") ||
	       zmq_connect(line.client, "inproc://server");
}

static int teardown(void **state)
{
	(void)state;
	requests_done(&line.requests);
	session_done(&line.session);
	zmq_close(line.client);
	zmq_close(line.server);
	return zmq_ctx_term(line.zmq);
}

static void done(struct request *q, int err, struct msg *reply)
{
	struct question *me = container_of(q, struct question, q);

	(void)reply;
	me->answers++;
	me->err = err;
}

static void again(struct request *q)
{
	container_of(q, struct question, q)->again++;
}

static void ask(struct question *me, uint64_t due)
{
	struct json_object *o = json_object_new_object();
	struct msg_out out = {.type = "a_request", .content = o};

	me->q.done = done;
	me->q.due = due;
	assert_int_equal(request_ask(&line.requests, &me->q, line.client,
				     &line.session, &out), 0);
	json_object_put(o);
}

static void check(const struct question *me, int answers, int err)
{
	assert_int_equal(me->answers, answers);
	assert_int_equal(me->err, err);
}

#define NOW 1000000000ULL

static void test_one_in_time_waits(void **state)
{
	struct question me = {0};

	(void)state;
	ask(&me, NOW);
	requests_expire(&line.requests, NOW - 1);
	check(&me, 0, 0);
	requests_expire(&line.requests, NOW);
	check(&me, 1, -EHOSTDOWN);
	requests_expire(&line.requests, NOW);
	requests_lose(&line.requests);
	check(&me, 1, -EHOSTDOWN);
}

static void test_a_loss_ends_it(void **state)
{
	struct question me = {0};

	(void)state;
	ask(&me, UINT64_MAX);
	requests_lose(&line.requests);
	check(&me, 1, -EHOSTDOWN);
}

/* As long as there is a controller its time alone counts; without, that. */
static void test_one_that_lasts(void **state)
{
	struct question me = {.q.again = again};
	uint64_t end = mono_usec() + 10 * REQUEST_LASTS;

	(void)state;
	ask(&me, end);
	requests_expire(&line.requests, end - 1);
	check(&me, 0, 0);
	requests_lose(&line.requests);
	requests_expire(&line.requests, me.q.lost + REQUEST_LASTS - 1);
	check(&me, 0, 0);
	assert_int_equal(me.again, 0);
	requests_repeat(&line.requests);
	assert_int_equal(me.again, 1);
	ask(&me, end);
	requests_expire(&line.requests, end - 1);
	check(&me, 0, 0);
	requests_lose(&line.requests);
	requests_expire(&line.requests, me.q.lost + REQUEST_LASTS);
	check(&me, 1, -EHOSTDOWN);
	requests_repeat(&line.requests);
	assert_int_equal(me.again, 1);
}

static void test_one_that_lasts_ends_when_its_time_does(void **state)
{
	struct question me = {.q.again = again};

	(void)state;
	ask(&me, mono_usec() + 1);
	requests_lose(&line.requests);
	requests_expire(&line.requests, me.q.due);
	check(&me, 1, -EHOSTDOWN);
}

static void test_what_is_forgotten_is_not_answered(void **state)
{
	struct question me = {.q.again = again};

	(void)state;
	ask(&me, NOW);
	requests_lose(&line.requests);
	request_forget(&line.requests, &me.q);
	requests_expire(&line.requests, UINT64_MAX);
	requests_repeat(&line.requests);
	check(&me, 0, 0);
	assert_int_equal(me.again, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_one_in_time_waits),
	TEST(test_a_loss_ends_it),
	TEST(test_one_that_lasts),
	TEST(test_one_that_lasts_ends_when_its_time_does),
	TEST(test_what_is_forgotten_is_not_answered),
};

UNIT_MAIN(tests)
