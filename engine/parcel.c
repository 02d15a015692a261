#include "parcel.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* So long an exec may take, on a slow disk or a network's: a minute. */
#define ROUND_MS 100
#define ROUNDS 600

/* --- the area ------------------------------------------------------------ */

int parcel_init(struct parcel *p)
{
	void *area = mmap(NULL, LAUNCH_AREA, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*p = (struct parcel){.area = area == MAP_FAILED ? NULL : area};
	return p->area ? 0 : -errno;
}

void parcel_done(struct parcel *p)
{
	if (p->area)
		munmap(p->area, LAUNCH_AREA);
	p->area = NULL;
}

/* Room in the area, for pointers too; NULL: it is full. */
static void *put(struct parcel *p, const void *what, size_t n)
{
	size_t aligned = (n + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	char *to = (char *)p->area + p->used;

	if (aligned < n || aligned > LAUNCH_AREA - p->used)
		return NULL;
	p->used += aligned;
	if (what)
		memcpy(to, what, n);
	return to;
}

static bool put_string(struct parcel *p, const char **s)
{
	if (*s)
		*s = put(p, *s, strlen(*s) + 1);
	return *s;
}

static bool put_strings(struct parcel *p, char *const **v)
{
	size_t i, n = 0;
	char **to;

	while ((*v)[n])
		n++;
	to = put(p, NULL, (n + 1) * sizeof(*to));
	if (!to)
		return false;
	for (i = 0; i < n; i++) {
		to[i] = put(p, (*v)[i], strlen((*v)[i]) + 1);
		if (!to[i])
			return false;
	}
	to[n] = NULL;
	*v = to;
	return true;
}

bool parcel_put(struct parcel *p, const struct spawn *s)
{
	struct launch *a = p->area;

	if (parcel_is_large(p))
		(void)madvise((char *)a + PARCEL_KEPT, LAUNCH_AREA - PARCEL_KEPT,
			      MADV_REMOVE);
	a->made = (struct spawned){0};
	a->spawn = *s;
	memcpy(a->fds, s->fds, s->nfds * sizeof(*s->fds));
	a->spawn.fds = a->fds;
	p->used = (sizeof(*a) + 63) & ~(size_t)63;
	return put_string(p, &a->spawn.path) &&
	       (!s->cwd || put_string(p, &a->spawn.cwd)) &&
	       put_strings(p, &a->spawn.argv) && put_strings(p, &a->spawn.envp);
}

/* --- words --------------------------------------------------------------- */

int launch_ask(int fd, const int *fds, unsigned n)
{
	union launch_rights rights = {.space = {0}};
	struct iovec iov = {(char *)"", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *h;

	if (n) {
		m.msg_control = rights.space;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	}
	if (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

int launch_sockets(int fd[2])
{
	struct timeval round = {.tv_usec = ROUND_MS * 1000};

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	/* What launch_await() waits at a time. */
	(void)setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &round, sizeof(round));
	return 0;
}

static int hear(int fd, struct launch_word *w, int flags)
{
	ssize_t n;

	do {
		n = recv(fd, w, sizeof(*w), flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	return n == sizeof(*w) ? 0 : -EPIPE;
}

int launch_hear(int fd, struct launch_word *w)
{
	return hear(fd, w, MSG_DONTWAIT);
}

/* The rounds are counted, and not the time: we may have been stopped meanwhile. */
int launch_await(int fd, pid_t pid, struct launch_word *w)
{
	int i, err;

	for (i = 0; i < ROUNDS; i++) {
		err = hear(fd, w, 0);
		if (err != -EAGAIN)
			return err;
		/* A task may have stopped it. */
		kill(pid, SIGCONT);
	}
	return -ETIMEDOUT;
}
