#include "base/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Of a child that is made by clone(): it must not use our own. */
#define STACK_SIZE (64 * 1024)

/*
 * The child shares the parent's memory, and leaves it without a return: to the
 * address sanitizer its frames would stay in use, and the next child's be a fault.
 */
#define IN_CHILD __attribute__((no_sanitize_address))

/*
 * Sources may stand on targets of others: first lift those above SPAWN_FDS,
 * then put each where it belongs.
 */
IN_CHILD static int place_fds(const struct spawn *s)
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
IN_CHILD void spawn_default_signals(void)
{
	static const unsigned char standard[32]; /* the kernel's, SIG_DFL */
	int i;

	for (i = 1; i <= 64; i++)
		if (i != SIGKILL && i != SIGSTOP)
			syscall(SYS_rt_sigaction, i, standard, NULL, 8);
}

/*
 * It tells what fails in *f: parent and child share memory until exec. Only
 * whole volatile objects will do: of one with volatile members gcc thinks that
 * nobody but the parent writes it, and leaves it out.
 */
IN_CHILD static void child(const struct spawn *s, pid_t parent,
		  volatile struct spawned *f)
{
	sigset_t none;

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
	if (!s->default_signals)
		spawn_default_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	f->step = SPAWN_EXEC;
	execve(s->path, s->argv, s->envp);
failed:
	f->err = errno ? errno : EIO;
}

pid_t spawn_start(const struct spawn *s, enum spawn_step *ret_step)
{
	volatile struct spawned f = {.step = SPAWN_FORK};
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

/* What the child of spawn_shown() is told. */
struct beginning {
	const struct spawn *s;
	volatile struct spawned *ret;
	pid_t parent;
};

IN_CHILD static int shown_child(void *arg)
{
	const struct beginning *b = arg;

	child(b->s, b->parent, b->ret);
	return 127;
}

void spawn_shown(const struct spawn *s, volatile struct spawned *ret)
{
	static char stack[STACK_SIZE] __attribute__((aligned(64)));
	struct beginning b = {s, ret, getpid()};

	assert(s->nfds <= SPAWN_FDS);
	ret->step = SPAWN_FORK;
	if (clone(shown_child, stack + STACK_SIZE,
		  CLONE_PARENT_SETTID | CLONE_VM | CLONE_VFORK | SIGCHLD, &b,
		  &ret->pid) < 0)
		ret->err = errno;
	if (ret->err && ret->pid)
		while (waitpid(ret->pid, NULL, 0) < 0 && errno == EINTR)
			;
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
