#include "tests/unit/unit.h"
#include "base/file.h"
#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *const no_env[] = {NULL};

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return status;
}

/* Everything the child writes to descriptor 1, until its end. */
static void run(const char *script, struct spawn s, struct buf *out)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
	struct spawn_fd fds[SPAWN_FDS];
	ssize_t n;
	pid_t pid;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	if (s.nfds)
		memcpy(fds, s.fds, s.nfds * sizeof(*fds));
	fds[s.nfds++] = (struct spawn_fd){p[1], 1};
	s.fds = fds;
	s.path = "/bin/sh";
	s.argv = argv;
	if (!s.envp)
		s.envp = no_env;
	pid = spawn_start(&s, NULL);
	assert_true(pid > 0);
	close(p[1]);
	while ((n = read(p[0], buf_reserve(out, 4096), 4096)) > 0)
		out->n += (size_t)n;
	close(p[0]);
	assert_int_equal(wait_for(pid), 0);
}

static void test_output_arguments_environment(void **state)
{
	char *env[] = {(char *)"GREETING=hello world", NULL};
	struct buf out = BUF_INIT;

	(void)state;
	run("echo \"$GREETING\"; echo ${HOME-none}",
	    (struct spawn){.envp = env}, &out);
	assert_text(buf_bytes(&out), "hello world\nnone\n");
	buf_done(&out);
}

static void test_working_directory(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	run("pwd -P", (struct spawn){.cwd = "/usr"}, &out);
	assert_text(buf_bytes(&out), "/usr\n");
	buf_done(&out);
}

/* Only what is named; sources may stand where targets belong. */
static void test_descriptors(void **state)
{
	struct spawn_fd fds[3];
	struct buf out = BUF_INIT;
	int a[2], b[2], extra;

	(void)state;
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	assert_int_equal(write(a[1], "A\n", 2), 2);
	assert_int_equal(write(b[1], "B\n", 2), 2);
	extra = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(a[0] < SPAWN_FDS && b[0] < SPAWN_FDS);
	/* Each stands where the other has to go. */
	fds[0] = (struct spawn_fd){a[0], b[0]};
	fds[1] = (struct spawn_fd){b[0], a[0]};
	fds[2] = (struct spawn_fd){extra, 0};
	{
		char *script = xasprintf("read x <&%d; read y <&%d; "
					 "echo $x $y; ls /proc/self/fd | wc -l",
					 a[0], b[0]);

		run(script, (struct spawn){.fds = fds, .nfds = 3}, &out);
		free(script);
	}
	/* 0, 1, the two pipes, ls's own; 2 was not given. */
	assert_true(out.n > 4 && memcmp(out.p, "B A\n", 4) == 0);
	close(extra);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
	buf_done(&out);
}

static void test_close_on_exec_descriptors_stay_here(void **state)
{
	struct buf out = BUF_INIT;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char *script = xasprintf("[ -e /proc/self/fd/%d ] && echo leak || "
				 "echo gone",
				 fd);

	(void)state;
	run(script, (struct spawn){0}, &out);
	assert_text(buf_bytes(&out), "gone\n");
	free(script);
	close(fd);
	buf_done(&out);
}

static void test_signals_are_as_new(void **state)
{
	struct buf out = BUF_INIT;
	sigset_t set, old;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGPIPE, SIG_IGN);
	/* Of the 31 there are; glibc keeps the next two to itself. */
	run("while read -r k v; do case $k in SigBlk: | SigIgn:) "
	    "echo $k $((0x$v & 0x7fffffff));; esac; done </proc/self/status",
	    (struct spawn){0}, &out);
	assert_text(buf_bytes(&out), "SigBlk: 0\nSigIgn: 0\n");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	buf_done(&out);
}

/* The mask and the handlers of the parent are what they were. */
static void test_the_parent_keeps_its_mask(void **state)
{
	struct buf out = BUF_INIT;
	sigset_t before, after;
	int s;

	(void)state;
	sigprocmask(SIG_SETMASK, NULL, &before);
	run(":", (struct spawn){0}, &out);
	sigprocmask(SIG_SETMASK, NULL, &after);
	for (s = 1; s < 32; s++)
		assert_int_equal(sigismember(&before, s),
				 sigismember(&after, s));
	buf_done(&out);
}

static void test_own_group(void **state)
{
	struct buf out = BUF_INIT;
	long pgid;
	char *end;

	(void)state;
	run("cut -d' ' -f5 /proc/$$/stat", (struct spawn){.own_group = true},
	    &out);
	pgid = strtol(buf_str(&out), &end, 10);
	assert_string_equal(end, "\n");
	assert_true(pgid > 0 && pgid != getpgrp());
	buf_done(&out);
}

static void fails(struct spawn s, int err, enum spawn_step where)
{
	char *argv[] = {(char *)"x", NULL};
	enum spawn_step step = SPAWN_FORK;

	s.argv = argv;
	s.envp = no_env;
	assert_int_equal(spawn_start(&s, &step), err);
	assert_int_equal(step, where);
	/* No child is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_failures_say_where(void **state)
{
	struct spawn_fd closed = {999, 0};

	(void)state;
	fails((struct spawn){.path = "/no/such"}, -ENOENT, SPAWN_EXEC);
	fails((struct spawn){.path = "/etc/passwd"}, -EACCES, SPAWN_EXEC);
	fails((struct spawn){.path = "/bin/true", .cwd = "/no/such"}, -ENOENT,
	      SPAWN_CWD);
	fails((struct spawn){.path = "/bin/true", .fds = &closed, .nfds = 1},
	      -EBADF, SPAWN_SETUP);
}

static void test_dies_with_its_parent(void **state)
{
	int p[2];
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
		struct spawn_fd fd = {p[1], 1};
		struct spawn s = {.path = "/bin/sleep",
				  .argv = argv,
				  .envp = no_env,
				  .fds = &fd,
				  .nfds = 1,
				  .death_signal = SIGKILL};

		_exit(spawn_start(&s, NULL) > 0 ? 0 : 1);
	}
	close(p[1]);
	assert_int_equal(wait_for(pid), 0);
	/* End of file: nobody holds the pipe any more. */
	assert_int_equal(read(p[0], &c, 1), 0);
	close(p[0]);
}

/* What becomes of a child can be read in *shown, and no child is left that failed. */
static void test_shown(void **state)
{
	char *argv[] = {(char *)"true", NULL};
	struct spawn s = {.path = "/bin/true", .argv = argv, .envp = no_env,
			  .death_signal = SIGKILL};
	struct spawned shown = {0};

	(void)state;
	spawn_shown(&s, &shown);
	assert_int_equal(shown.err, 0);
	assert_int_equal(wait_for(shown.pid), 0);
	shown = (struct spawned){0};
	s.path = "/nonexistent";
	spawn_shown(&s, &shown);
	assert_true(shown.pid > 0);
	assert_int_equal(shown.err, ENOENT);
	assert_int_equal(shown.step, SPAWN_EXEC);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Once for all children: they are as new, too. */
static void test_default_signals_before(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGRTMAX, SIG_IGN);
	spawn_default_signals();
	run("grep -E 'Sig(Ign|Blk)' /proc/self/status | cut -f2 | tr '\\n' ' '",
	    (struct spawn){.default_signals = true}, &out);
	assert_text(buf_bytes(&out), "0000000000000000 0000000000000000 ");
	buf_done(&out);
}

static void test_find(void **state)
{
	char *found;

	(void)state;
	found = spawn_find("sh", "/no/such::/usr/bin:/bin");
	assert_string_equal(found, "/usr/bin/sh");
	free(found);
	found = spawn_find("./x/y", "/bin");
	assert_string_equal(found, "./x/y");
	free(found);
	assert_null(spawn_find("no-such-program", "/usr/bin:/bin"));
	assert_null(spawn_find("sh", ""));
	assert_null(spawn_find("sh", NULL));
	assert_null(spawn_find("bin", "/usr")); /* a directory */
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_output_arguments_environment),
	cmocka_unit_test(test_working_directory),
	cmocka_unit_test(test_descriptors),
	cmocka_unit_test(test_close_on_exec_descriptors_stay_here),
	cmocka_unit_test(test_signals_are_as_new),
	cmocka_unit_test(test_the_parent_keeps_its_mask),
	cmocka_unit_test(test_own_group),
	cmocka_unit_test(test_failures_say_where),
	cmocka_unit_test(test_dies_with_its_parent),
	cmocka_unit_test(test_shown),
	cmocka_unit_test(test_default_signals_before),
	cmocka_unit_test(test_find),
};

UNIT_MAIN(tests)
