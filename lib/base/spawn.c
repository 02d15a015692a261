#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/*
 * What the child tells the parent; they share memory until exec. Only whole
 * volatile objects will do: of one with volatile members gcc thinks that
 * nobody but the parent writes it, and leaves it out.
 */
struct failure {
	int err;
	enum spawn_step step;
};

/*
 * Sources may stand on targets of others: first lift those above SPAWN_FDS,
 * then put each where it belongs.
 */
static int place_fds(const struct spawn *s)
{
	int lifted[SPAWN_FDS];
	unsigned i;

	/* Whoever started us may have left some open. */
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	for (i = 0; i < s->nfds; i++) {
		lifted[i] = s->fds[i].from;
		if (lifted[i] < SPAWN_FDS)
			lifted[i] = fcntl(lifted[i], F_DUPFD_CLOEXEC,
					  SPAWN_FDS);
		if (lifted[i] < 0)
			return -errno;
	}
	for (i = 0; i < s->nfds; i++)
		if (dup2(lifted[i], s->fds[i].to) < 0)
			return -errno;
	return 0;
}

/*
 * All of them, and by the system call: the C library keeps two real-time
 * signals to itself, and make(1) starts its children with those ignored.
 */
static void reset_signals(void)
{
	static const unsigned char standard[32]; /* the kernel's, SIG_DFL */
	sigset_t none;
	int i;

	for (i = 1; i <= 64; i++)
		if (i != SIGKILL && i != SIGSTOP)
			syscall(SYS_rt_sigaction, i, standard, NULL, 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child(const struct spawn *s, pid_t parent,
		  volatile struct failure *f)
{
	f->step = SPAWN_SETUP;
	if (s->own_group && setpgid(0, 0) < 0)
		goto failed;
	if (s->death_signal) {
		if (prctl(PR_SET_PDEATHSIG, s->death_signal) < 0)
			goto failed;
		if (getppid() != parent) {
			errno = ESRCH;
			goto failed;
		}
	}
	if (place_fds(s) < 0)
		goto failed;
	f->step = SPAWN_CWD;
	if (s->cwd && chdir(s->cwd) < 0)
		goto failed;
	reset_signals();
	f->step = SPAWN_EXEC;
	execve(s->path, s->argv, s->envp);
failed:
	f->err = errno ? errno : EIO;
}

pid_t spawn_start(const struct spawn *s, enum spawn_step *ret_step)
{
	volatile struct failure f = {0, SPAWN_FORK};
	pid_t parent = getpid();
	sigset_t all, old;
	pid_t pid;

	assert(s->nfds <= SPAWN_FDS);
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = vfork();	/* NOLINT: see the comment in spawn.h */
	if (pid == 0) {
		child(s, parent, &f);
		_exit(127);
	}
	if (pid < 0)
		f.err = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (!f.err)
		return pid;
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	if (ret_step)
		*ret_step = f.step;
	return -f.err;
}

static bool is_executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

char *spawn_find(const char *name, const char *path)
{
	if (strchr(name, '/'))
		return xstrdup(name);
	while (path && *path) {
		size_t n = strcspn(path, ":");
		char *full = xasprintf("%.*s/%s", n ? (int)n : 1,
				       n ? path : ".", name);

		if (is_executable(full))
			return full;
		free(full);
		path += n + (path[n] == ':');
	}
	return NULL;
}
