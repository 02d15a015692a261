#include "launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/*
 * All of this may run in a copy of a process with threads: no malloc() here.
 */

/*
 * The next request, and the descriptors that came with it, at most SPAWN_FDS. Their
 * number; -1: there will be no request any more.
 */
static int take(int fd, int got[SPAWN_FDS])
{
	union launch_rights rights;
	char c;
	struct iovec iov = {&c, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1,
			   .msg_control = rights.space,
			   .msg_controllen = sizeof(rights.space)};
	struct cmsghdr *h;

	if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	h = CMSG_FIRSTHDR(&m);
	if (!h || h->cmsg_type != SCM_RIGHTS)
		return 0;
	memcpy(got, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
	return (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

static void say(int fd, const struct launch_word *w)
{
	(void)!send(fd, w, sizeof(*w), MSG_NOSIGNAL);
}

/*
 * Where the descriptors of a task are put there is the socket once more: those that
 * come are others then, and need not be moved out of the way.
 */
static bool fill(void)
{
	int fd;

	for (fd = STDERR_FILENO + 1; fd < SPAWN_FDS; fd++)
		if (dup3(SPAWN_FDS, fd, O_CLOEXEC) < 0)
			return false;
	return true;
}

/*
 * Signals are the engine's to handle, and its end is our end. The socket goes where
 * no descriptor of a task is put, and all others are closed. The pid of the parent
 * is that of the engine, or the engine has ended.
 */
static bool settle(const char *name, const struct launch_birth *b)
{
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() == b->engine && dup2(b->fd, SPAWN_FDS) >= 0 &&
	       fcntl(SPAWN_FDS, F_SETFD, FD_CLOEXEC) == 0 &&
	       fill() && close_range(SPAWN_FDS + 1, ~0U, 0) == 0;
}

/* --- a launcher ---------------------------------------------------------- */

/* Its largest size is what it has now (proc(5), clear_refs). */
static void forget_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "5", 1);
	close(fd);
}

/* The pid of the task's main process, or 0: it could not be started. */
static pid_t start(int fd, struct launch *a, const int *got, int n)
{
	struct launch_word w = {.what = LAUNCH_STARTED};
	int i;

	if (a->was_large)
		forget_peak();
	for (i = 0; i < n; i++)
		a->fds[i].from = got[i];
	a->spawn.default_signals = true;
	if ((unsigned)n == a->spawn.nfds)
		spawn_shown(&a->spawn, &a->made);
	else
		a->made.err = EBADF;
	if (n > 0)
		(void)close_range(SPAWN_FDS + 1, ~0U, 0);
	/* Behind the answer the area may hold another request. */
	w.number = a->made.err ? 0 : a->made.pid;
	say(fd, &w);
	return w.number;
}

/* One process has ended: the main one? */
static void note(struct launch_word *w, pid_t pid, pid_t main, int status,
		 const struct rusage *usage, bool *ended)
{
	if (pid != main || *ended)
		return;
	*ended = true;
	w->number = status;
	w->usage = *usage;
}

/* Until nothing is left of a task. */
static void attend(int fd, pid_t main)
{
	struct launch_word w = {.what = LAUNCH_ENDED};
	struct rusage usage;
	bool ended = false;
	int status;
	pid_t pid;

	while (!w.all) {
		pid = wait4(-1, &status, __WALL, &usage);
		while (pid > 0) {
			note(&w, pid, main, status, &usage, &ended);
			pid = wait4(-1, &status, WNOHANG | __WALL, &usage);
		}
		w.all = pid < 0 && errno == ECHILD;
		if (ended)
			say(fd, &w);
	}
}

static int launcher(const struct launch_birth *b)
{
	int got[SPAWN_FDS], n;
	pid_t main;

	if (!settle("taskfs-launcher", b))
		return 1;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while ((n = take(SPAWN_FDS, got)) >= 0) {
		main = start(SPAWN_FDS, b->area, got, n);
		if (main)
			attend(SPAWN_FDS, main);
	}
	return 0;
}

/* --- the mother ---------------------------------------------------------- */

/*
 * As fork(), but the child is one of the engine's, and it is the signal of our own end
 * that tells of its end (clone(2), CLONE_PARENT).
 */
static pid_t fork_for_engine(void)
{
	return (pid_t)syscall(SYS_clone, (unsigned long)CLONE_PARENT, 0UL, 0UL,
			      0UL, 0UL);
}

static void bear(struct launch_birth *b, int socket)
{
	struct launch_word w = {.what = LAUNCH_BORN};
	pid_t pid = fork_for_engine();

	if (pid == 0) {
		b->fd = socket;
		_exit(launcher(b));
	}
	w.number = pid < 0 ? -errno : pid;
	close(socket);
	say(SPAWN_FDS, &w);
}

int launch_mother(void *arg)
{
	struct launch_birth *b = arg;
	int got[SPAWN_FDS], n;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* For all that is made here; and children of a process that ignores SIGCHLD
	 * cannot be waited for. */
	spawn_default_signals();
	setrlimit(RLIMIT_NOFILE, &b->files);
	if (!settle("taskfs-mother", b))
		return 1;
	while ((n = take(SPAWN_FDS, got)) >= 0)
		if (n == 1)
			bear(b, got[0]);
	return 0;
}
