#include "base/base.h"
#include "command.h"

#include "base/parse.h"
#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* From TERM to KILL. */
#define GRACE (5 * USEC_PER_SEC)
/* Bytes that are read in one turn. */
#define PIECE (64 * KIB)

struct output {
	struct command *cmd;
	struct watch watch;
};

struct command {
	struct controller *c;
	void (*done)(struct command *cmd);
	void *arg;
	pid_t pid;
	int status;		/* of waitpid() */
	bool limited;		/* it took too long */
	struct watch ended;	/* its pidfd */
	struct output out, err;
	struct timer limit;
	struct buf first;	/* of its standard output: the first line */
	bool has_first;
	struct buf last;
};

/* --- its outputs ---------------------------------------------------------- */

static void keep_first(struct command *cmd, const char *p, size_t n)
{
	const char *end = memchr(p, '\n', n);
	size_t room = LIMIT_JOB - cmd->first.n;

	if (cmd->has_first)
		return;
	cmd->has_first = end != NULL;
	n = end ? (size_t)(end - p) : n;
	buf_put(&cmd->first, p, min_u64(n, room));
}

static void keep_last(struct command *cmd, const char *p, size_t n)
{
	buf_put(&cmd->last, p, n);
	if (cmd->last.n > COMMAND_KEPT)
		buf_shift(&cmd->last, cmd->last.n - COMMAND_KEPT);
}

/* False: there is nothing more now. */
static bool take(struct output *o)
{
	static char piece[PIECE];
	ssize_t n = read(o->watch.fd, piece, sizeof(piece));

	if (n <= 0)
		return false;
	if (o == &o->cmd->out)
		keep_first(o->cmd, piece, (size_t)n);
	keep_last(o->cmd, piece, (size_t)n);
	return true;
}

static void close_output(struct output *o)
{
	loop_remove(&o->watch);
	if (o->watch.fd >= 0)
		close(o->watch.fd);
	o->watch.fd = -1;
}

static void on_output(struct watch *w, short events)
{
	struct output *o = container_of(w, struct output, watch);

	if (!take(o) && !(events & POLLIN))
		close_output(o);
}

/* --- its end -------------------------------------------------------------- */

static void on_limit(struct timer *t)
{
	struct command *cmd = container_of(t, struct command, limit);

	kill(-cmd->pid, cmd->limited ? SIGKILL : SIGTERM);
	cmd->limited = true;
	timer_set(cmd->c->loop, t, GRACE);
}

/* What is in the pipe when the process has ended; whoever else has the pipe may write on
 * for ever. */
static void take_rest(struct output *o)
{
	size_t i;

	for (i = 0; o->watch.fd >= 0 && i < 16 && take(o); i++)
		;
}

static void on_end(struct watch *w, short events)
{
	struct command *cmd = container_of(w, struct command, ended);

	(void)events;
	if (waitpid(cmd->pid, &cmd->status, WNOHANG) == 0)
		return;
	cmd->pid = 0;
	take_rest(&cmd->out);
	take_rest(&cmd->err);
	cmd->done(cmd);
	command_free(cmd);
}

/* --- its beginning -------------------------------------------------------- */

static bool is_set(const char *const *env, const char *variable)
{
	size_t n = strcspn(variable, "=") + 1;

	for (; *env; env++)
		if (strncmp(*env, variable, n) == 0)
			return true;
	return false;
}

/* Those of a launch, which another controller may have started, are not ours. */
static bool is_foreign(const char *variable)
{
	static const char *const names[] = {"TASKFS_LAUNCH=", "TASKFS_JOB=",
					    "TASKFS_LIFETIME=", "TASKFS_COUNT="};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static const char **make_environment(const char *const *env)
{
	size_t n = 0, i;
	const char **all;

	for (i = 0; environ[i]; i++)
		n++;
	for (i = 0; env[i]; i++)
		n++;
	all = xreallocarray(NULL, n + 1, sizeof(*all));
	n = 0;
	for (i = 0; env[i]; i++)
		all[n++] = env[i];
	for (i = 0; environ[i]; i++)
		if (!is_set(env, environ[i]) && !is_foreign(environ[i]))
			all[n++] = environ[i];
	all[n] = NULL;
	return all;
}

static char *word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static pid_t spawn(const struct command *cmd, const char *text,
		   const char *const *env, int null, const int out[2],
		   const int err[2])
{
	char *argv[] = {word("sh"), word("-c"), word("--"), word(text), NULL};
	const char **all = make_environment(env);
	struct spawn_fd fds[] = {{null, 0}, {out[1], 1}, {err[1], 2}};
	struct spawn s = {
		.path = "/bin/sh",
		.argv = argv,
		.envp = (char *const *)(uintptr_t)all,
		.cwd = cmd->c->config.dir,
		.fds = fds,
		.nfds = ARRAY_SIZE(fds),
		.own_group = true,
		/* Who starts in our place does not know it. */
		.death_signal = SIGKILL,
	};
	pid_t pid = spawn_start(&s, NULL);

	free(all);
	return pid;
}

static void watch(struct command *cmd, struct watch *w, int fd,
		  void (*ready)(struct watch *w, short events))
{
	*w = (struct watch){.fd = fd, .events = POLLIN, .ready = ready};
	loop_add(cmd->c->loop, w);
}

static void watch_all(struct command *cmd, int pidfd, int out, int err)
{
	watch(cmd, &cmd->ended, pidfd, on_end);
	watch(cmd, &cmd->out.watch, out, on_output);
	watch(cmd, &cmd->err.watch, err, on_output);
	cmd->limit.fire = on_limit;
	if (cmd->c->config.pool_command)
		timer_set(cmd->c->loop, &cmd->limit, cmd->c->config.pool_command);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* 0 or -errno; it owns the reading ends when it succeeds. */
static int begin(struct command *cmd, const char *text, const char *const *env,
		 int out[2], int err[2])
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), pidfd;
	pid_t pid = null < 0 ? -errno : spawn(cmd, text, env, null, out, err);

	close_fd(null);
	if (pid < 0)
		return (int)pid;
	cmd->pid = pid;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		int why = -errno;

		kill(-pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return why;
	}
	watch_all(cmd, pidfd, out[0], err[0]);
	return 0;
}

struct command *command_start(struct controller *c, const char *text,
			      const char *const *env,
			      void (*done)(struct command *cmd), void *arg,
			      int *ret_err)
{
	struct command *cmd = zalloc(sizeof(*cmd));
	int out[2] = {-1, -1}, err[2] = {-1, -1};

	*cmd = (struct command){.c = c, .done = done, .arg = arg};
	cmd->out.cmd = cmd->err.cmd = cmd;
	cmd->out.watch.fd = cmd->err.watch.fd = cmd->ended.fd = -1;
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(err, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    fcntl(out[1], F_SETFL, 0) < 0 || fcntl(err[1], F_SETFL, 0) < 0)
		*ret_err = -errno;
	else
		*ret_err = begin(cmd, text, env, out, err);
	close_fd(out[1]);
	close_fd(err[1]);
	if (!*ret_err)
		return cmd;
	close_fd(out[0]);
	close_fd(err[0]);
	free(cmd);
	return NULL;
}

void command_free(struct command *cmd)
{
	if (!cmd)
		return;
	timer_cancel(&cmd->limit);
	close_output(&cmd->out);
	close_output(&cmd->err);
	loop_remove(&cmd->ended);
	close_fd(cmd->ended.fd);
	buf_done(&cmd->first);
	buf_done(&cmd->last);
	free(cmd);
}

/* --- what became of it ------------------------------------------------------ */

void *command_arg(const struct command *cmd)
{
	return cmd->arg;
}

int command_status(const struct command *cmd)
{
	return WIFEXITED(cmd->status) && !cmd->limited ? WEXITSTATUS(cmd->status)
						       : -1;
}

void command_put_end(const struct command *cmd, struct buf *out)
{
	if (cmd->limited)
		buf_printf(out, "it took longer than %.15g s",
			   (double)cmd->c->config.pool_command / USEC_PER_SEC);
	else if (WIFSIGNALED(cmd->status))
		buf_printf(out, "signal %s",
			   sigabbrev_np(WTERMSIG(cmd->status))
				   ? sigabbrev_np(WTERMSIG(cmd->status))
				   : "unknown");
	else
		buf_printf(out, "exit status %d", WEXITSTATUS(cmd->status));
}

/* Text of others: what is no text is shown as \xNN, but for its lines. */
static void put_lines(struct bytes text, struct buf *out)
{
	const char *separator = "";
	struct bytes line;

	text = parse_trim(text);
	while (parse_line(&text, &line)) {
		buf_puts(out, separator);
		buf_put_escaped(out, line, line.n);
		separator = "\n";
	}
}

void command_put_last(const struct command *cmd, struct buf *out)
{
	struct buf text = BUF_INIT;

	buf_put(&text, cmd->last.p, cmd->last.n);
	buf_strip_colours(&text);
	put_lines(buf_bytes(&text), out);
	buf_done(&text);
}

char *command_first_line(const struct command *cmd)
{
	struct bytes line = parse_trim(buf_bytes(&cmd->first));
	struct buf text = BUF_INIT;
	size_t n = line.n;

	if (!n)
		return NULL;
	if (memchr(line.p, 0, n))
		n = strnlen(line.p, n);
	buf_put_utf8(&text, bytes_of(line.p, n));
	buf_cut(&text, utf8_whole(bytes_of(text.p, min_u64(text.n, LIMIT_JOB))));
	return buf_take(&text);
}
