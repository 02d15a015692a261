#include "tests/unit/unit.h"
#include "engine/run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* One run after another in one loop, as in an engine. */
static struct bench {
	struct loop *loop;
	struct spool spool;
	struct runner runner;
	struct run run;
	uint64_t seen;		/* bytes of stdout when `grew` was last called */
	int ended;
	int signo;		/* sent at the first output */
	enum run_cause end;	/* it is ended then, for that */
} b;

static char *const own_env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
static const char *const extra_env[] = {NULL};

static void on_signal(void *arg, int signo)
{
	(void)arg;
	assert_true(signo == SIGCHLD || signo == LAUNCHER_SIGNAL);
	runner_reap(&b.runner);
}

static void on_ended(struct run *r)
{
	assert_ptr_equal(r, &b.run);
	b.ended++;
	loop_stop(b.loop, 0);
}

static void on_grew(struct run *r, enum stream s)
{
	if (s == STREAM_STDOUT)
		b.seen = r->out[s].size;
	if (b.signo && s == STREAM_STDOUT)
		assert_int_equal(run_signal(r, b.signo), 0);
	b.signo = 0;
	if (b.end)
		run_end(r, b.end);
}

static void start(const char *code, int stdin_fd, uint64_t limit)
{
	static const int signals[] = {SIGCHLD, LAUNCHER_SIGNAL, 0};
	struct command_spec spec = {.code = bytes_str(code),
				    .own_env = own_env,
				    .extra_env = extra_env};
	struct buf why = BUF_INIT;
	struct run_failure failure;
	struct command c;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	b = (struct bench){.loop = loop_new(), .spool.dir = unit_dir()};
	b.runner = (struct runner){.loop = b.loop, .spool = &b.spool,
				   .output_limit = 1 << 20,
				   .grace = 50 * USEC_PER_MSEC};
	assert_int_equal(runner_init(&b.runner), 0);
	assert_int_equal(loop_signals(b.loop, signals, on_signal, NULL), 0);
	b.run.grew = on_grew;
	b.run.ended = on_ended;
	run_init(&b.run, &b.runner);
	assert_int_equal(command_init(&c, &spec, &b.spool, &why), 0);
	assert_int_equal(run_start(&b.run, &c, stdin_fd, NULL, limit, &failure),
			 0);
	command_done(&c);
	buf_done(&why);
}

/* To its end; nothing of it is left then. */
static void finish(void)
{
	assert_int_equal(loop_run(b.loop), 0);
	assert_int_equal(b.ended, 1);
	assert_true(list_empty(&b.runner.runs));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void clean(void)
{
	run_done(&b.run);
	runner_done(&b.runner);
	loop_free(b.loop);
}

static void assert_output(enum stream s, const char *want)
{
	assert_bytes(buf_bytes(&b.run.out[s].memory), bytes_str(want));
}

static void test_streams(void **state)
{
	(void)state;
	start("echo out; echo err >&2; echo value >&3; echo data >&4; exit 7",
	      -1, 0);
	finish();
	assert_int_equal(WEXITSTATUS(b.run.status), 7);
	assert_int_equal(b.run.cause, RUN_BY_ITSELF);
	assert_output(STREAM_STDOUT, "out\n");
	assert_output(STREAM_STDERR, "err\n");
	assert_output(STREAM_VALUE, "value\n");
	assert_output(STREAM_DATA, "data\n");
	assert_true(b.run.ended_at >= b.run.began);
	clean();
}

static void test_input_and_descriptors(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(write(p[1], "hello", 5), 5);
	close(p[1]);
	start("cat; echo; ls /proc/self/fd | tr '\\n' ' '", p[0], 0);
	finish();
	close(p[0]);
	/* 5 is the directory that ls reads. */
	assert_output(STREAM_STDOUT, "hello\n0 1 2 3 4 5 ");
	clean();
}

static void test_output_while_it_runs(void **state)
{
	(void)state;
	start("trap 'echo got it; exit 0' USR1; echo ready; "
	      "while :; do sleep 1; done",
	      -1, 0);
	b.signo = SIGUSR1;
	finish();
	assert_int_equal(b.run.status, 0);
	assert_output(STREAM_STDOUT, "ready\ngot it\n");
	clean();
}

/* A process that holds the pipes open is not waited for, and does not live. */
static void test_what_is_left_behind(void **state)
{
	(void)state;
	start("setsid sleep 1000 & (setsid sh -c 'sleep 1001; echo never' &); "
	      "echo done",
	      -1, 0);
	finish();
	assert_int_equal(b.run.status, 0);
	assert_output(STREAM_STDOUT, "done\n");
	clean();
}

static void test_time_limit(void **state)
{
	(void)state;
	start("sleep 1000", -1, 20 * USEC_PER_MSEC);
	finish();
	assert_int_equal(b.run.cause, RUN_TIME_LIMIT);
	assert_int_equal(WTERMSIG(b.run.status), SIGTERM);
	clean();
}

static void test_kill_after_grace(void **state)
{
	(void)state;
	start("trap '' TERM; setsid sleep 1000 & echo ready; "
	      "while :; do sleep 1; done",
	      -1, 0);
	b.end = RUN_TIME_LIMIT;
	finish();
	assert_int_equal(b.run.cause, RUN_TIME_LIMIT);
	assert_int_equal(WTERMSIG(b.run.status), SIGKILL);
	clean();
}

static void test_stopped_task_can_be_ended(void **state)
{
	(void)state;
	start("kill -STOP $$", -1, 20 * USEC_PER_MSEC);
	finish();
	assert_int_equal(WTERMSIG(b.run.status), SIGTERM);
	clean();
}

static void test_large_output(void **state)
{
	(void)state;
	start("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2", -1,
	      0);
	finish();
	assert_int_equal(b.run.status, 0);
	assert_int_equal(b.run.out[STREAM_STDOUT].size, 1000000);
	assert_int_equal(b.run.out[STREAM_STDERR].size, 1000000);
	assert_true(b.seen > 0);
	clean();
	assert_int_equal(output_files(), 0);
}

static void test_output_limit(void **state)
{
	(void)state;
	start("exec cat /dev/zero", -1, 0);
	finish();
	assert_int_equal(b.run.cause, RUN_OUTPUT_LIMIT);
	assert_int_equal(b.run.out[STREAM_STDOUT].size, 1 << 20);
	clean();
}

/* What is found too large only when it is read at the end is told, too. */
static void test_output_limit_at_the_end(void **state)
{
	(void)state;
	start("exec head -c 1000 /dev/zero", -1, 0);
	b.runner.output_limit = 10;
	finish();
	assert_int_equal(b.run.cause, RUN_OUTPUT_LIMIT);
	assert_int_equal(b.run.out[STREAM_STDOUT].size, 10);
	clean();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_streams),
	cmocka_unit_test(test_input_and_descriptors),
	cmocka_unit_test(test_output_while_it_runs),
	cmocka_unit_test(test_what_is_left_behind),
	cmocka_unit_test(test_time_limit),
	cmocka_unit_test(test_kill_after_grace),
	cmocka_unit_test(test_stopped_task_can_be_ended),
	cmocka_unit_test(test_large_output),
	cmocka_unit_test(test_output_limit),
	cmocka_unit_test(test_output_limit_at_the_end),
};

UNIT_MAIN(tests)
