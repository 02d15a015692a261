#include "tests/unit/unit.h"
#include "base/file.h"
#include "engine/run.h"
#include "wire/limits.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* One run after another in one loop, as in an engine; or several side by side. */
static struct bench {
	struct loop *loop;
	struct spool spool;
	struct runner runner;
	struct run run;
	struct run more[3];
	uint64_t seen;		/* bytes of stdout when `grew` was last called */
	int ended;
	int wanted;		/* so many ends, and the loop stops */
	int signo;		/* sent at the first output */
	enum run_cause end;	/* it is ended then, for that */
	const char *kills;	/* the kernel says so then */
	uint64_t memory;	/* its limit */
	bool terminal;
	const char *events;	/* what its cgroup says then */
	pid_t in_group;		/* and who is in there */
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
	assert_true(r == &b.run || (r >= b.more && r < b.more + 3));
	if (++b.ended >= b.wanted)
		loop_stop(b.loop, 0);
}

/* What the kernel counts. */
static void put_kills(const char *text)
{
	char *path = xstrdup(unit_path("kills"));

	assert_int_equal(file_write_atomic(path, 0600, bytes_str(text)), 0);
	free(b.runner.memory.kills);
	b.runner.memory.kills = path;
}

static void put_events(const struct run *r)
{
	char *path = xasprintf("%s/memory.events", r->group);
	char *procs = xasprintf("%s/cgroup.procs", r->group);
	struct buf text = BUF_INIT;

	assert_int_equal(file_write_atomic(path, 0600, bytes_str(b.events)), 0);
	assert_int_equal(file_read(procs, 64, &text), 0);
	b.in_group = (pid_t)strtol(buf_str(&text), NULL, 10);
	assert_int_equal(b.in_group, r->launcher->pid);
	b.events = NULL;
	buf_done(&text);
	free(procs);
	free(path);
}

static void on_grew(struct run *r, enum stream s)
{
	if (s == STREAM_STDOUT)
		b.seen = r->out[s].size;
	if (b.kills)
		put_kills(b.kills);
	if (b.events)
		put_events(r);
	if (b.signo && s == STREAM_STDOUT)
		assert_int_equal(run_signal(r, b.signo), 0);
	b.signo = 0;
	if (b.end)
		run_end(r, b.end);
}

static void start_run(struct run *r, const char *code, int stdin_fd,
		      uint64_t limit)
{
	struct command_spec spec = {.code = bytes_str(code),
				    .own_env = own_env,
				    .extra_env = extra_env};
	struct buf why = BUF_INIT;
	struct run_failure failure;
	struct command c;

	r->grew = on_grew;
	r->ended = on_ended;
	run_init(r, &b.runner);
	r->memory_limit = b.memory;
	r->terminal = b.terminal;
	assert_int_equal(command_init(&c, &spec, &b.spool, &why), 0);
	assert_int_equal(run_start(r, &c, stdin_fd, NULL, limit, &failure), 0);
	command_done(&c);
	buf_done(&why);
}

static void begin(void)
{
	static const int signals[] = {SIGCHLD, LAUNCHER_SIGNAL, 0};
	size_t i;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	b = (struct bench){.loop = loop_new(), .spool.dir = unit_dir()};
	b.runner = (struct runner){.loop = b.loop, .spool = &b.spool,
				   .output_limit = 1 << 20,
				   .grace = 50 * USEC_PER_MSEC};
	assert_int_equal(runner_init(&b.runner), 0);
	assert_int_equal(loop_signals(b.loop, signals, on_signal, NULL), 0);
	run_init(&b.run, &b.runner);
	for (i = 0; i < ARRAY_SIZE(b.more); i++)
		run_init(&b.more[i], &b.runner);
}

static void start(const char *code, int stdin_fd, uint64_t limit)
{
	begin();
	start_run(&b.run, code, stdin_fd, limit);
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

/* More than a terminal holds, and the last of it is written right before the end. */
static void test_terminal(void **state)
{
	static const char *const code =
		"[ -t 1 ] && [ -t 2 ] && [ ! -t 0 ] && [ ! -t 3 ] && stty size <&1 "
		"&& seq 40000 && printf 'a\\tb\\n' >&2 && echo value >&3";
	struct buf want = BUF_INIT;
	struct bytes got;
	int i;

	(void)state;
	begin();
	b.terminal = true;
	start_run(&b.run, code, -1, 0);
	finish();
	assert_int_equal(b.run.status, 0);
	assert_int_equal(b.run.cause, RUN_BY_ITSELF);
	buf_puts(&want, "24 80\n");
	for (i = 1; i <= 40000; i++)
		buf_printf(&want, "%d\n", i);
	buf_puts(&want, "a\tb\n");
	assert_int_equal(b.run.out[STREAM_STDOUT].size, want.n);
	assert_int_equal(output_read(&b.run.out[STREAM_STDOUT], 0, want.n, &got),
			 0);
	assert_bytes(got, buf_bytes(&want));
	assert_output(STREAM_STDERR, "");
	assert_output(STREAM_VALUE, "value\n");
	buf_done(&want);
	clean();
}

/* What it says is read though the end is all that was waited for. */
static void test_short_terminal(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		begin();
		b.terminal = true;
		start_run(&b.run, "printf %5000s end", -1, 0);
		finish();
		assert_int_equal(b.run.out[STREAM_STDOUT].size, 5000);
		clean();
	}
}

/* Who still writes there is told so, and killed. */
static void test_terminal_limit(void **state)
{
	(void)state;
	begin();
	b.terminal = true;
	start_run(&b.run, "setsid yes & exec yes", -1, 0);
	finish();
	assert_int_equal(b.run.cause, RUN_OUTPUT_LIMIT);
	assert_int_equal(b.run.out[STREAM_STDOUT].size, 1 << 20);
	clean();
}

static void test_terminal_size(void **state)
{
	static const struct {
		const char *env[3];
		int columns, lines;
	} want[] = {
		{{NULL}, 80, 24},
		{{"COLUMNS=132", "LINES=50", NULL}, 132, 50},
		{{"COLUMNS=0", "LINES=65536", NULL}, 80, 24},
		{{"COLUMNS=", "LINES=x", NULL}, 80, 24},
		{{"XCOLUMNS=1", "COLUMNSX=1", NULL}, 80, 24},
		{{"LINES=65535", NULL}, 80, 65535},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct winsize size = terminal_size(
			(char *const *)(uintptr_t)want[i].env);

		assert_int_equal(size.ws_col, want[i].columns);
		assert_int_equal(size.ws_row, want[i].lines);
	}
}

/* All of its processes together, whichever has it. */
static void test_memory_limit(void **state)
{
	(void)state;
	begin();
	b.memory = 32 << 20;
	start_run(&b.run,
		  "setsid sh -c 'head -c 400M /dev/zero | tail | wc -c' & "
		  "sleep 1000", -1, 0);
	finish();
	assert_int_equal(b.run.cause, RUN_MEMORY_LIMIT);
	assert_true(WIFSIGNALED(b.run.status));
	assert_int_equal(WTERMSIG(b.run.status), SIGKILL);
	assert_output(STREAM_STDOUT, "");
	assert_false(b.run.starved);
	clean();
}

/* In a directory that looks like a cgroup: what has more is killed, or was. */
static void grouped(const char *code, int signo)
{
	char *own = xstrdup(unit_path("taskfs-engine"));

	begin();
	assert_int_equal(file_mkdirs(own, 0700), 0);
	b.memory = GIB;
	b.runner.groups = unit_dir();
	b.events = "oom 1\noom_kill 1\n";
	b.signo = signo;
	start_run(&b.run, code, -1, 0);
	finish();
	assert_int_equal(b.run.cause, RUN_MEMORY_LIMIT);
	assert_true(b.in_group > 0);
	assert_null(b.run.group);
	clean();
	free(own);
}

static void test_memory_of_a_cgroup(void **state)
{
	(void)state;
	grouped("echo x; exec sleep 1000", 0);
	grouped("trap 'exit 3' USR1; echo x; while :; do sleep 0.01; done", SIGUSR1);
}

static void test_memory_that_is_enough(void **state)
{
	(void)state;
	begin();
	b.memory = GIB;
	start_run(&b.run, "echo ok", -1, 0);
	finish();
	assert_int_equal(b.run.cause, RUN_BY_ITSELF);
	assert_true(list_empty(&b.runner.memory.holds));
	clean();
}

/* It is killed; the kernel says `after` then, and 3 before. */
static bool starved(const char *code, int signo, const char *after)
{
	bool is;

	begin();
	put_kills("oom_kill 3\n");
	b.kills = after;
	b.signo = signo;
	start_run(&b.run, code, -1, 0);
	finish();
	assert_int_equal(b.run.cause, RUN_BY_ITSELF);
	is = b.run.starved;
	clean();
	return is;
}

static void test_killed_by_the_kernel(void **state)
{
	(void)state;
	assert_true(starved("echo x; exec sleep 1000", SIGKILL, "oom_kill 4\n"));
	/* The kernel has killed nobody; or it was another signal. */
	assert_false(starved("echo x; exec sleep 1000", SIGKILL, "oom_kill 3\n"));
	assert_false(starved("echo x; exec sleep 1000", SIGTERM, "oom_kill 4\n"));
	/* A shell says so of what it ran. */
	assert_true(starved("trap 'exit 137' USR1; echo x; while :; do sleep 0.01; done",
			    SIGUSR1, "oom_kill 4\n"));
	assert_false(starved("trap 'exit 136' USR1; echo x; while :; do sleep 0.01; done",
			     SIGUSR1, "oom_kill 4\n"));
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

/* --- several side by side ------------------------------------------------ */

/* Until so many have ended, of all. */
static void until(int ended)
{
	b.wanted = ended;
	assert_int_equal(loop_run(b.loop), 0);
	assert_int_equal(b.ended, ended);
}

static void clean_all(void)
{
	size_t i;

	assert_true(list_empty(&b.runner.runs));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	for (i = 0; i < ARRAY_SIZE(b.more); i++)
		run_done(&b.more[i]);
	clean();
}

static void start_more(const char *code)
{
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(b.more); i++)
		start_run(&b.more[i], code, -1, 0);
}

static bool is_there(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void test_each_has_its_own_outputs_and_status(void **state)
{
	int i;

	(void)state;
	begin();
	start_run(&b.more[0], "echo a; exit 1", -1, 0);
	start_run(&b.more[1], "echo b; kill -9 $$", -1, 0);
	start_run(&b.more[2], "sleep 1000", -1, 20 * USEC_PER_MSEC);
	start_run(&b.run, "echo d", -1, 0);
	until(4);
	assert_int_equal(WEXITSTATUS(b.more[0].status), 1);
	assert_text(buf_bytes(&b.more[0].out[STREAM_STDOUT].memory), "a\n");
	assert_int_equal(WTERMSIG(b.more[1].status), SIGKILL);
	assert_text(buf_bytes(&b.more[1].out[STREAM_STDOUT].memory), "b\n");
	assert_int_equal(b.more[2].cause, RUN_TIME_LIMIT);
	assert_int_equal(b.run.status, 0);
	assert_output(STREAM_STDOUT, "d\n");
	for (i = 0; i < 3; i++)
		assert_true(b.more[i].usage.ru_maxrss > 0);
	clean_all();
}

/* Of one that ends; those of others stay. A signal reaches one alone. */
static void test_processes_of_one(void **state)
{
	struct kin left = KIN_INIT;
	pid_t main;

	(void)state;
	start_more("(setsid sleep 1000 &); exec sleep 1001");
	main = b.more[1].pid;
	/* The one that is left comes to the launcher. */
	while (left.n < 2) {
		left.n = 0;
		kin_children(b.more[1].launcher->pid, &left);
	}
	assert_int_equal(run_signal(&b.more[0], SIGTERM), 0);
	until(1);
	assert_int_equal(WTERMSIG(b.more[0].status), SIGTERM);
	assert_int_equal(run_signal(&b.more[0], SIGTERM), -ESRCH);
	assert_true(is_there(left.pid[0]) && is_there(left.pid[1]));
	run_end(&b.more[1], RUN_ABORT);
	until(2);
	assert_false(is_there(main) || is_there(left.pid[0]) ||
		     is_there(left.pid[1]));
	run_kill(&b.more[2]);
	until(3);
	kin_done(&left);
	clean_all();
}

static void test_a_launcher_is_killed(void **state)
{
	(void)state;
	start_more("(setsid sleep 1000 &); exec sleep 1001");
	kill(b.more[1].launcher->pid, SIGKILL);
	until(1);
	assert_true(list_empty(&b.more[1].link));
	assert_int_equal(WTERMSIG(b.more[1].status), SIGKILL);
	assert_int_equal(b.more[1].cause, RUN_BY_ITSELF);
	assert_true(is_there(b.more[0].pid) && is_there(b.more[2].pid));
	/* All at once, and one that is being ended. */
	run_end(&b.more[2], RUN_ABORT);
	kill(b.more[0].launcher->pid, SIGKILL);
	kill(b.more[2].launcher->pid, SIGKILL);
	until(3);
	assert_int_equal(WTERMSIG(b.more[0].status), SIGKILL);
	assert_int_equal(b.more[2].cause, RUN_ABORT);
	clean_all();
}

static void test_a_launcher_is_stopped(void **state)
{
	(void)state;
	start_more("kill -STOP $PPID; echo on");
	until(3);
	assert_text(buf_bytes(&b.more[2].out[STREAM_STDOUT].memory), "on\n");
	clean_all();
}

/* The mother, and a launcher that is idle: the next run begins nevertheless. */
static void test_who_makes_processes_is_killed(void **state)
{
	struct list *idle = &b.runner.launchers.idle;

	(void)state;
	start_more("true");
	until(3);
	kill(b.runner.launchers.mother, SIGKILL);
	kill(list_first(idle, struct launcher, link)->pid, SIGKILL);
	start_run(&b.run, "echo x", -1, 0);
	until(4);
	assert_output(STREAM_STDOUT, "x\n");
	clean_all();
}

/* A hundred runs need three launchers. */
static void test_launchers_are_used_again(void **state)
{
	size_t n;
	int i;

	(void)state;
	start_more("true");
	until(3);
	for (i = 0; i < 99; i++) {
		struct run *r = &b.more[i % 3];

		run_done(r);
		start_run(r, "true", -1, 0);
		if (i % 3 == 2)
			until(i + 4);
	}
	/* And their mother. */
	n = b.runner.launchers.n;
	assert_int_equal(n, 4);
	clean_all();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_streams),
	cmocka_unit_test(test_terminal),
	cmocka_unit_test(test_short_terminal),
	cmocka_unit_test(test_terminal_limit),
	cmocka_unit_test(test_terminal_size),
	cmocka_unit_test(test_memory_limit),
	cmocka_unit_test(test_memory_of_a_cgroup),
	cmocka_unit_test(test_memory_that_is_enough),
	cmocka_unit_test(test_killed_by_the_kernel),
	cmocka_unit_test(test_input_and_descriptors),
	cmocka_unit_test(test_output_while_it_runs),
	cmocka_unit_test(test_what_is_left_behind),
	cmocka_unit_test(test_time_limit),
	cmocka_unit_test(test_kill_after_grace),
	cmocka_unit_test(test_stopped_task_can_be_ended),
	cmocka_unit_test(test_large_output),
	cmocka_unit_test(test_output_limit),
	cmocka_unit_test(test_output_limit_at_the_end),
	cmocka_unit_test(test_each_has_its_own_outputs_and_status),
	cmocka_unit_test(test_processes_of_one),
	cmocka_unit_test(test_a_launcher_is_killed),
	cmocka_unit_test(test_a_launcher_is_stopped),
	cmocka_unit_test(test_who_makes_processes_is_killed),
	cmocka_unit_test(test_launchers_are_used_again),
};

UNIT_MAIN(tests)
