#include "launcher.h"
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Arguments and environment; the kernel takes at most 6 MiB (execve(2)). */
#define AREA_SIZE ((size_t)8 * 1024 * 1024)
/* What stays when a request was larger. */
#define AREA_KEPT ((size_t)64 * 1024)
#define STACK_SIZE (64 * 1024)
/* So long an exec may take, on a slow disk or a network's: a minute. */
#define ROUND_MS 100
#define ROUNDS 600
/* So many launchers may be killed under one start. */
#define TRIES 3

/* At the same place in both processes: the pointers in it are good in both. */
struct launch {
	struct spawned made;
	bool was_large;		/* the request before: forget its size */
	struct spawn spawn;
	struct spawn_fd fds[SPAWN_FDS];
};

union rights {
	struct cmsghdr align;
	char space[CMSG_SPACE(SPAWN_FDS * sizeof(int))];
};

/* --- the launcher's side ------------------------------------------------ */

/* Its largest size is what it has now (proc(5), clear_refs). */
static void forget_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "5", 1);
	close(fd);
}

/* The next request; false: there will be none. */
static bool take(int fd, struct launch *a)
{
	union rights rights;
	int got[SPAWN_FDS];
	char c;
	struct iovec iov = {&c, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1,
			   .msg_control = rights.space,
			   .msg_controllen = sizeof(rights.space)};
	struct cmsghdr *h;
	unsigned i, n = 0;

	if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC) <= 0)
		return false;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_type == SCM_RIGHTS) {
		memcpy(got, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
		n = (unsigned)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	}
	for (i = 0; i < n; i++)
		a->fds[i].from = got[i];
	return n == a->spawn.nfds;
}

static void answer(int fd, struct launch *a)
{
	unsigned i;

	if (a->was_large)
		forget_peak();
	spawn_for_parent(&a->spawn, &a->made);
	for (i = 0; i < a->spawn.nfds; i++)
		close(a->fds[i].from);
	(void)!send(fd, "", 1, MSG_NOSIGNAL);
}

struct birth {
	struct launch *area;
	int fd;
	pid_t engine;
};

/*
 * It may be a copy of a process with threads: no malloc() here. Signals are the
 * engine's to handle, and its end is our end.
 */
static int launch(void *arg)
{
	const struct birth *b = arg;
	sigset_t all;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "taskfs-launcher");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != b->engine)
		return 1;
	/* Where no descriptor of a child is put. */
	fd = dup2(b->fd, SPAWN_FDS);
	if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    close_range(STDERR_FILENO + 1, SPAWN_FDS - 1, 0) < 0 ||
	    close_range(SPAWN_FDS + 1, ~0U, 0) < 0)
		return 1;
	while (take(fd, b->area))
		answer(fd, b->area);
	return 0;
}

/* --- the engine's side: its life ---------------------------------------- */

static int begin(struct launcher *l)
{
	static char stack[STACK_SIZE] __attribute__((aligned(64)));
	struct birth b = {.area = l->area, .engine = getpid()};
	int err = 0, fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	b.fd = fd[1];
	l->pid = clone(launch, stack + STACK_SIZE, LAUNCHER_SIGNAL, &b);
	if (l->pid < 0) {
		err = -errno;
		l->pid = 0;
		close(fd[0]);
	} else {
		l->fd = fd[0];
		kin_add(l->spared, l->pid);
	}
	close(fd[1]);
	return err;
}

static void forget(struct launcher *l)
{
	kin_remove(l->spared, l->pid);
	close(l->fd);
	l->fd = -1;
	l->pid = 0;
}

static void end(struct launcher *l)
{
	if (!l->pid)
		return;
	kill(l->pid, SIGKILL);
	while (waitpid(l->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	forget(l);
}

static void log_lost(void)
{
	log_warning("the process that makes the tasks' processes is gone; there "
		    "will be another one, but the memory of small tasks is told "
		    "too large until the engine is started again");
}

void launcher_died(struct launcher *l)
{
	log_lost();
	forget(l);
}

int launcher_init(struct launcher *l, struct kin *spared)
{
	void *p = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*l = (struct launcher){.fd = -1, .spared = spared};
	if (p == MAP_FAILED)
		return -errno;
	l->area = p;
	return begin(l);
}

void launcher_done(struct launcher *l)
{
	end(l);
	if (l->area)
		munmap(l->area, AREA_SIZE);
	l->area = NULL;
}

/* --- the engine's side: a request --------------------------------------- */

/* Room in the area, for pointers too; NULL: it is full. */
static void *put(struct launcher *l, const void *p, size_t n)
{
	size_t aligned = (n + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	char *to = (char *)l->area + l->used;

	if (aligned < n || aligned > AREA_SIZE - l->used)
		return NULL;
	l->used += aligned;
	if (p)
		memcpy(to, p, n);
	return to;
}

static bool put_string(struct launcher *l, const char **s)
{
	if (*s)
		*s = put(l, *s, strlen(*s) + 1);
	return *s;
}

static bool put_strings(struct launcher *l, char *const **v)
{
	size_t i, n = 0;
	char **to;

	while ((*v)[n])
		n++;
	to = put(l, NULL, (n + 1) * sizeof(*to));
	if (!to)
		return false;
	for (i = 0; i < n; i++) {
		to[i] = put(l, (*v)[i], strlen((*v)[i]) + 1);
		if (!to[i])
			return false;
	}
	to[n] = NULL;
	*v = to;
	return true;
}

/* False: it is more than any system takes. */
static bool put_request(struct launcher *l, const struct spawn *s)
{
	struct launch *a = l->area;

	a->was_large = l->used > AREA_KEPT;
	if (a->was_large)
		(void)madvise((char *)a + AREA_KEPT, AREA_SIZE - AREA_KEPT,
			      MADV_REMOVE);
	a->made = (struct spawned){0};
	a->spawn = *s;
	memcpy(a->fds, s->fds, s->nfds * sizeof(*s->fds));
	a->spawn.fds = a->fds;
	l->used = (sizeof(*a) + 63) & ~(size_t)63;
	return put_string(l, &a->spawn.path) &&
	       (!s->cwd || put_string(l, &a->spawn.cwd)) &&
	       put_strings(l, &a->spawn.argv) && put_strings(l, &a->spawn.envp);
}

static int ask(struct launcher *l)
{
	const struct spawn *s = &l->area->spawn;
	union rights rights = {.space = {0}};
	struct iovec iov = {(char *)"", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *h;
	int fds[SPAWN_FDS];
	unsigned i;

	for (i = 0; i < s->nfds; i++)
		fds[i] = s->fds[i].from;
	if (s->nfds) {
		m.msg_control = rights.space;
		m.msg_controllen = CMSG_SPACE(s->nfds * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(s->nfds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, s->nfds * sizeof(int));
	}
	return sendmsg(l->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/*
 * Until it has answered; or is gone, and so is the doubt about what it made: a
 * child has the other end of the socket until its exec or its end. The rounds
 * are counted, and not the time: we may have been stopped meanwhile.
 */
static int await(struct launcher *l)
{
	struct pollfd p = {l->fd, POLLIN, 0};
	int i;
	char c;

	for (i = 0; i < ROUNDS; i++) {
		if (poll(&p, 1, ROUND_MS) > 0)
			return recv(l->fd, &c, 1, MSG_DONTWAIT) == 1 ? 0
								     : -EPIPE;
		/* A task may have stopped it. */
		kill(l->pid, SIGCONT);
	}
	return -ETIMEDOUT;
}

/* 0: it was told to start it; what came of that is in the area. */
static int request(struct launcher *l)
{
	int err = l->pid ? 0 : begin(l);

	if (err)
		return err;
	err = ask(l);
	if (err == -EPIPE || err == -ECONNRESET || !err) {
		err = err ? -EPIPE : await(l);
		if (!err)
			return 0;
		log_lost();
		end(l);
	}
	return err;
}

/* What is neither dead nor executing its program is left behind. */
static void give_up(struct launcher *l, pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	kin_add(l->spared, pid);
}

pid_t launcher_start(struct launcher *l, const struct spawn *s,
		     enum spawn_step *ret_step)
{
	const volatile struct spawned *made = &l->area->made;
	int err, tries = TRIES;

	*ret_step = SPAWN_EXEC;
	if (!put_request(l, s))
		return -E2BIG;
	do {
		err = request(l);
	} while (err == -EPIPE && !made->pid && !made->err && --tries);
	if (err == -ETIMEDOUT)
		give_up(l, made->pid);
	if (err && (err != -EPIPE || (!made->pid && !made->err))) {
		*ret_step = SPAWN_FORK;
		return err;
	}
	if (!made->err)
		return made->pid;
	*ret_step = made->step;
	if (made->pid)
		while (waitpid(made->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	return -made->err;
}
