#include "tests/unit/unit.h"
#include "base/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <zmq.h>

/* What happened, in order, one letter each. */
static char trace[128];
static struct loop *loop;

static void note(char c)
{
	size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
}

static int setup(void **state)
{
	(void)state;
	memset(trace, 0, sizeof(trace));
	loop = loop_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	loop_free(loop);
	loop = NULL;
	return 0;
}

/* A timer or a work with a letter, and what else it does. */
struct actor {
	char letter;
	struct timer timer, *also;
	struct work work, *later;
	struct watch watch, *other;
	bool again, stop, remove_other;
};

static void act(struct actor *a)
{
	note(a->letter);
	if (a->also)
		timer_cancel(a->also);
	if (a->remove_other)
		loop_remove(a->other);
	if (a->later)
		loop_defer(loop, a->later);
	if (a->stop)
		loop_stop(loop, 42);
}

static void fire(struct timer *t)
{
	act(container_of(t, struct actor, timer));
}

static void run(struct work *w)
{
	struct actor *a = container_of(w, struct actor, work);

	act(a);
	if (a->again) {
		a->again = false;
		loop_defer(loop, w);
	}
}

static void ready(struct watch *w, short events)
{
	struct actor *a = container_of(w, struct actor, watch);

	assert_true(events != 0);
	act(a);
	loop_remove(w);
}

static struct actor actor(char letter)
{
	return (struct actor){.letter = letter,
			      .timer.fire = fire,
			      .work.run = run,
			      .watch.ready = ready};
}

static void test_timers_in_order_of_time(void **state)
{
	struct actor a = actor('a'), b = actor('b'), c = actor('c');

	(void)state;
	c.stop = true;
	/* Time passes in between. */
	do {
		timer_set(loop, &c.timer, 3000);
		timer_set(loop, &a.timer, 1000);
		timer_set(loop, &b.timer, 2000);
	} while (a.timer.due >= b.timer.due || b.timer.due >= c.timer.due);
	assert_true(timer_is_set(&b.timer));
	assert_int_equal(loop_run(loop), 42);
	assert_string_equal(trace, "abc");
	assert_false(timer_is_set(&b.timer));
}

static void test_timers_move_and_cancel(void **state)
{
	struct actor a = actor('a'), b = actor('b'), c = actor('c');

	(void)state;
	timer_set(loop, &a.timer, 1000);
	timer_set(loop, &b.timer, 2000);
	timer_set(loop, &a.timer, 5000); /* moved behind b */
	timer_set(loop, &c.timer, 1000);
	timer_cancel(&c.timer);
	timer_cancel(&c.timer);
	a.stop = true;
	assert_int_equal(loop_run(loop), 42);
	assert_string_equal(trace, "ba");
}

static void test_a_timer_cancels_another_that_is_due(void **state)
{
	struct actor a = actor('a'), b = actor('b'), c = actor('c');

	(void)state;
	a.also = &b.timer;
	c.stop = true;
	timer_set(loop, &a.timer, 0);
	timer_set(loop, &b.timer, 1);
	timer_set(loop, &c.timer, 2);
	assert_int_equal(loop_run(loop), 42);
	assert_string_equal(trace, "ac");
}

/* One of a crowd. */
static struct actor in_crowd(char letter, int p[2])
{
	struct actor a = actor(letter);

	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	a.watch.fd = p[0];
	a.watch.events = POLLIN;
	return a;
}

static void close_both(int p[2])
{
	close(p[0]);
	close(p[1]);
}

/* Each once; one that another removes in the same turn is not called any more. */
static void test_a_crowd(void **state)
{
	int p[3][2];
	struct actor a = in_crowd('a', p[0]), b = in_crowd('b', p[1]);
	struct actor c = in_crowd('c', p[2]);

	(void)state;
	loop_add(loop, &a.watch);
	loop_add(loop, &b.watch);
	loop_add(loop, &c.watch);
	assert_int_equal(write(p[1][1], "x", 1), 1);
	b.stop = true;
	assert_int_equal(loop_run(loop), 42);
	assert_string_equal(trace, "b");
	assert_int_equal(write(p[0][1], "x", 1), 1);
	assert_int_equal(write(p[2][1], "x", 1), 1);
	a.remove_other = c.remove_other = true;
	a.other = &c.watch;
	c.other = &a.watch;
	a.stop = c.stop = true;
	assert_int_equal(loop_run(loop), 42);
	assert_int_equal(strlen(trace), 2);
	close_both(p[0]);
	close_both(p[1]);
	close_both(p[2]);
}

/* However they woke up: those of one turn are told as they were added. */
static void test_in_the_order_of_being_added(void **state)
{
	int p[3][2];
	struct actor a = in_crowd('a', p[0]), b = in_crowd('b', p[1]);
	struct actor c = in_crowd('c', p[2]);

	(void)state;
	loop_add(loop, &a.watch);
	loop_add(loop, &b.watch);
	loop_add(loop, &c.watch);
	assert_int_equal(write(p[2][1], "x", 1), 1);
	assert_int_equal(write(p[0][1], "x", 1), 1);
	assert_int_equal(write(p[1][1], "x", 1), 1);
	c.stop = true;
	assert_int_equal(loop_run(loop), 42);
	assert_string_equal(trace, "abc");
	close_both(p[0]);
	close_both(p[1]);
	close_both(p[2]);
}

static void test_what_a_crowd_wants(void **state)
{
	int p[2];
	struct actor a = in_crowd('a', p), b = actor('b');

	(void)state;
	loop_add(loop, &a.watch);
	watch_want(&a.watch, 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	b.stop = true;
	timer_set(loop, &b.timer, 1000);
	assert_int_equal(loop_run(loop), 42);
	assert_string_equal(trace, "b");
	watch_want(&a.watch, POLLIN);
	a.stop = true;
	assert_int_equal(loop_run(loop), 42);
	assert_string_equal(trace, "ba");
	close_both(p);
}

/* A crowd larger than is told in one turn: all are heard, and a file, which epoll(7)
 * does not take, is watched as others are. */
static void test_a_large_crowd(void **state)
{
	enum { N = 200 };
	static struct actor all[N];
	static int p[N][2];
	struct actor file = actor('f');
	int i, turns;

	(void)state;
	for (i = 0; i < N; i++) {
		all[i] = in_crowd('.', p[i]);
		loop_add(loop, &all[i].watch);
		assert_int_equal(write(p[i][1], "x", 1), 1);
	}
	file.watch.fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	file.watch.events = POLLIN;
	file.stop = true;
	for (turns = 0, i = 0; i < N; turns++) {
		memset(trace, 0, sizeof(trace));
		loop_add(loop, &file.watch);
		trace[0] = '\0';
		assert_int_equal(loop_run(loop), 42);
		for (i = 0; i < N && !all[i].watch.loop; i++)
			;
	}
	assert_true(turns > 1);
	for (i = 0; i < N; i++)
		close_both(p[i]);
	close(file.watch.fd);
}

/* The heap against a plain array, with a fixed sequence of moves. */
static uint64_t last_due;
static unsigned fired;

static void fire_in_order(struct timer *t)
{
	assert_true(t->due >= last_due);
	last_due = t->due;
	if (++fired == 150)
		loop_stop(loop, 0);
}

static void test_many_timers(void **state)
{
	static struct timer t[200];
	uint32_t r = 12345;
	size_t i;

	(void)state;
	last_due = 0;
	fired = 0;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		t[i] = (struct timer){.fire = fire_in_order};
		r = r * 1103515245 + 12345;
		timer_set(loop, &t[i], r >> 16 & 4095);
	}
	for (i = 0; i < ARRAY_SIZE(t); i += 2) {
		r = r * 1103515245 + 12345;
		timer_set(loop, &t[i], r >> 16 & 4095);
	}
	for (i = 0; i < 50; i++)
		timer_cancel(&t[i * 4 + 1]);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(fired, 150);
}

static void test_work_runs_once_at_the_end_of_the_turn(void **state)
{
	struct actor a = actor('a'), b = actor('b'), t = actor('t');

	(void)state;
	t.later = &a.work;
	timer_set(loop, &t.timer, 0);
	loop_defer(loop, &b.work);
	loop_defer(loop, &b.work);
	a.stop = true;
	assert_int_equal(loop_run(loop), 42);
	assert_string_equal(trace, "tba");
}

static struct actor next_turn;

static void set_next_turn(struct work *w)
{
	(void)w;
	note('s');
	timer_set(loop, &next_turn.timer, 0);
}

static void test_work_that_defers_itself_waits_a_turn(void **state)
{
	struct work set = {.run = set_next_turn};
	struct actor a = actor('a');

	(void)state;
	next_turn = actor('t');
	next_turn.stop = true;
	a.again = true;
	loop_defer(loop, &a.work);
	loop_defer(loop, &set);
	loop_run(loop);
	assert_string_equal(trace, "asta");
}

static void test_work_cancelled(void **state)
{
	struct actor a = actor('a'), b = actor('b');

	(void)state;
	loop_defer(loop, &a.work);
	loop_defer(loop, &b.work);
	work_cancel(&a.work);
	work_cancel(&a.work);
	b.stop = true;
	loop_run(loop);
	assert_string_equal(trace, "b");
}

static void test_work_cancels_work_of_the_same_turn(void **state);
static struct actor victim;

static void cancel_victim(struct work *w)
{
	(void)w;
	note('x');
	work_cancel(&victim.work);
	loop_stop(loop, 0);
}

static void test_work_cancels_work_of_the_same_turn(void **state)
{
	struct work w = {.run = cancel_victim};

	(void)state;
	victim = actor('v');
	loop_defer(loop, &w);
	loop_defer(loop, &victim.work);
	loop_run(loop);
	assert_string_equal(trace, "x");
}

static void test_descriptors(void **state)
{
	struct actor in = actor('i'), out = actor('o'), t = actor('t');
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	in.watch.fd = p[0];
	in.watch.events = POLLIN;
	out.watch.fd = p[1];
	out.watch.events = 0;
	loop_add(loop, &in.watch);
	loop_add(loop, &out.watch);
	assert_int_equal(write(p[1], "x", 1), 1);
	timer_set(loop, &t.timer, 2000);
	t.stop = true;
	loop_run(loop);
	assert_string_equal(trace, "it"); /* out wanted nothing */
	loop_remove(&out.watch);
	loop_remove(&out.watch);
	close(p[0]);
	close(p[1]);
}

static void test_wanting_other_events(void **state)
{
	struct actor out = actor('o');
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	out.watch.fd = p[1];
	out.stop = true;
	loop_add(loop, &out.watch);
	watch_want(&out.watch, POLLOUT);
	loop_run(loop);
	assert_string_equal(trace, "o");
	close(p[0]);
	close(p[1]);
}

/* The reader's end of a pipe whose writer is gone: told, not lost. */
static void test_hang_up(void **state)
{
	struct actor in = actor('h');
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	close(p[1]);
	in.watch.fd = p[0];
	in.watch.events = POLLIN;
	in.stop = true;
	loop_add(loop, &in.watch);
	loop_run(loop);
	assert_string_equal(trace, "h");
	close(p[0]);
}

static void test_a_watch_removes_another_that_is_ready(void **state)
{
	struct actor a = actor('a'), b = actor('b'), w = actor('w');
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	a.watch.fd = b.watch.fd = p[0];
	a.watch.events = b.watch.events = POLLIN;
	a.other = &b.watch;
	a.remove_other = true;
	a.later = &w.work;
	w.stop = true;
	loop_add(loop, &a.watch);
	loop_add(loop, &b.watch);
	loop_run(loop);
	assert_string_equal(trace, "aw");
	close(p[0]);
	close(p[1]);
}

/* More watches than fit at first, added and removed inside callbacks. */
static unsigned seen;
static struct watch chain[40];
static int chain_pipe[2];

static void chain_ready(struct watch *w, short events)
{
	(void)events;
	loop_remove(w);
	if (++seen == ARRAY_SIZE(chain)) {
		loop_stop(loop, 0);
		return;
	}
	chain[seen] = (struct watch){.ready = chain_ready,
				     .fd = chain_pipe[0],
				     .events = POLLIN};
	loop_add(loop, &chain[seen]);
}

static void test_watches_come_and_go(void **state)
{
	static struct watch idle[40];
	int quiet[2];
	size_t i;

	(void)state;
	seen = 0;
	assert_int_equal(pipe(chain_pipe), 0);
	assert_int_equal(pipe(quiet), 0);
	assert_int_equal(write(chain_pipe[1], "x", 1), 1);
	for (i = 0; i < ARRAY_SIZE(idle); i++) {
		idle[i] = (struct watch){.ready = ready,
					 .fd = quiet[0],
					 .events = POLLIN};
		loop_add(loop, &idle[i]);
	}
	chain[0] = (struct watch){.ready = chain_ready,
				  .fd = chain_pipe[0],
				  .events = POLLIN};
	loop_add(loop, &chain[0]);
	loop_run(loop);
	assert_int_equal(seen, ARRAY_SIZE(chain));
	for (i = 0; i < ARRAY_SIZE(idle); i++)
		loop_remove(&idle[i]);
	close(chain_pipe[0]);
	close(chain_pipe[1]);
	close(quiet[0]);
	close(quiet[1]);
}

static void test_sockets(void **state)
{
	struct actor in = actor('z');
	void *zmq = zmq_ctx_new();
	void *a = zmq_socket(zmq, ZMQ_PAIR), *b = zmq_socket(zmq, ZMQ_PAIR);

	(void)state;
	assert_int_equal(zmq_bind(a, "inproc://x"), 0);
	assert_int_equal(zmq_connect(b, "inproc://x"), 0);
	assert_int_equal(zmq_send(b, "hi", 2, 0), 2);
	in.watch.socket = a;
	in.watch.events = POLLIN;
	in.stop = true;
	loop_add(loop, &in.watch);
	loop_run(loop);
	assert_string_equal(trace, "z");
	zmq_close(a);
	zmq_close(b);
	zmq_ctx_term(zmq);
}

static void on_signal(void *arg, int signo)
{
	assert_ptr_equal(arg, trace);
	note(signo == SIGUSR1 ? '1' : '2');
	if (signo == SIGUSR2)
		loop_stop(loop, 0);
}

/* A socket that is read until it is empty, and gets more at the end of each turn. */
struct reader {
	struct watch watch;
	struct work more;
	void *other;
	int heard;
};

static void read_all(struct watch *w, short events)
{
	struct reader *r = container_of(w, struct reader, watch);
	char text[4];

	(void)events;
	while (zmq_recv(w->socket, text, sizeof(text), ZMQ_DONTWAIT) >= 0)
		r->heard++;
	loop_socket_empty(w->socket);
	loop_defer(loop, &r->more);
}

static void send_two(struct work *w)
{
	struct reader *r = container_of(w, struct reader, more);

	assert_true(list_empty(&r->watch.use));	/* nobody asks it in vain */
	if (r->heard >= 20) {
		loop_stop(loop, 42);
		return;
	}
	assert_int_equal(zmq_send(r->other, "hi", 2, 0), 2);
	assert_int_equal(zmq_send(r->other, "ho", 2, 0), 2);
}

static void test_an_empty_socket_wakes_again(void **state)
{
	void *zmq = zmq_ctx_new();
	void *a = zmq_socket(zmq, ZMQ_PAIR), *b = zmq_socket(zmq, ZMQ_PAIR);
	struct reader r = {.watch = {.ready = read_all, .socket = a,
				     .events = POLLIN},
			   .more.run = send_two, .other = b};

	(void)state;
	assert_int_equal(zmq_bind(a, "inproc://y"), 0);
	assert_int_equal(zmq_connect(b, "inproc://y"), 0);
	assert_int_equal(zmq_send(b, "hi", 2, 0), 2);
	loop_add(loop, &r.watch);
	assert_int_equal(loop_run(loop), 42);
	/* One that may be written to, too, is asked for that. */
	watch_want(&r.watch, POLLIN | POLLOUT);
	loop_socket_empty(a);
	assert_false(list_empty(&r.watch.use));
	loop_remove(&r.watch);
	zmq_close(a);
	zmq_close(b);
	zmq_ctx_term(zmq);
}

static void test_signals(void **state)
{
	static const int signals[] = {SIGUSR1, SIGUSR2, 0};
	sigset_t set;

	(void)state;
	assert_int_equal(loop_signals(loop, signals, on_signal, trace), 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	loop_run(loop);
	assert_string_equal(trace, "12");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_the_first_stop_counts(void **state)
{
	(void)state;
	loop_stop(loop, 3);
	loop_stop(loop, 4);
	assert_int_equal(loop_run(loop), 3);
	loop_free(NULL);
}

static void test_it_runs_again(void **state)
{
	(void)state;
	loop_stop(loop, 3);
	assert_int_equal(loop_run(loop), 3);
	loop_stop(loop, 4);
	assert_int_equal(loop_run(loop), 4);
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	LOOP_TEST(test_timers_in_order_of_time),
	LOOP_TEST(test_timers_move_and_cancel),
	LOOP_TEST(test_a_timer_cancels_another_that_is_due),
	LOOP_TEST(test_many_timers),
	LOOP_TEST(test_work_runs_once_at_the_end_of_the_turn),
	LOOP_TEST(test_work_that_defers_itself_waits_a_turn),
	LOOP_TEST(test_work_cancelled),
	LOOP_TEST(test_work_cancels_work_of_the_same_turn),
	LOOP_TEST(test_descriptors),
	LOOP_TEST(test_wanting_other_events),
	LOOP_TEST(test_hang_up),
	LOOP_TEST(test_a_watch_removes_another_that_is_ready),
	LOOP_TEST(test_watches_come_and_go),
	LOOP_TEST(test_a_crowd),
	LOOP_TEST(test_in_the_order_of_being_added),
	LOOP_TEST(test_what_a_crowd_wants),
	LOOP_TEST(test_a_large_crowd),
	LOOP_TEST(test_sockets),
	LOOP_TEST(test_an_empty_socket_wakes_again),
	LOOP_TEST(test_signals),
	LOOP_TEST(test_the_first_stop_counts),
	LOOP_TEST(test_it_runs_again),
};

UNIT_MAIN(tests)
