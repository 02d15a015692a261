#include "pipes.h"
#include "output.h"

#include <fcntl.h>
#include <poll.h>

/* A pipe that is read full once gets larger. */
#define PIPE_FIRST 65536
#define PIPE_SIZE (1024 * 1024)
/* Others may still write to what a task has left: no more than this. */
#define DRAIN_LIMIT ((size_t)16 * 1024 * 1024)

static void close_one(struct pipes_one *o)
{
	loop_remove(&o->watch);
	if (o->watch.fd >= 0)
		close(o->watch.fd);
	o->watch.fd = -1;
	o->terminal = false;
}

void pipes_close_one(struct pipes *p, enum stream s)
{
	close_one(&p->one[s]);
}

void pipes_close(struct pipes *p)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		close_one(&p->one[i]);
}

/* Moved or read: how many bytes, 0 at the end, or -errno. */
static ssize_t read_one(struct pipes *p, enum stream s)
{
	struct pipes_one *o = &p->one[s];
	ssize_t n = p->move && !o->terminal ? p->move(p, s) : -EINVAL;

	if (n != -EINVAL)
		return n;
	n = read(o->watch.fd, output_scratch(), OUTPUT_PIECE);
	if (n > 0)
		p->took(p, s, bytes_of(output_scratch(), (size_t)n));
	/* So a terminal says that nobody has it open any more (pty(7)). */
	if (n < 0 && errno == EIO && o->terminal)
		return 0;
	return n < 0 ? -errno : n;
}

bool pipes_read(struct pipes *p, enum stream s)
{
	struct pipes_one *o = &p->one[s];
	ssize_t n = read_one(p, s);

	if (n == 0)
		close_one(o);
	if (n <= 0 || o->watch.fd < 0)
		return false;
	if (o->terminal)
		return true;	/* a read gives 4 KiB, also when there is more */
	if (n == PIPE_FIRST)
		(void)fcntl(o->watch.fd, F_SETPIPE_SZ, PIPE_SIZE);
	return n >= PIPE_FIRST;
}

static void ready(struct watch *w, short events)
{
	struct pipes_one *o = container_of(w, struct pipes_one, watch);

	(void)events;
	o->all->ready(o->all, (enum stream)(o - o->all->one));
}

void pipes_watch(struct pipes *p)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		struct watch *w = &p->one[i].watch;

		if (w->fd < 0)
			continue;
		(void)fcntl(w->fd, F_SETFL, O_NONBLOCK);
		loop_add(p->loop, w);
	}
}

void pipes_drain(struct pipes *p)
{
	size_t left = DRAIN_LIMIT / OUTPUT_PIECE;
	struct pollfd fd[STREAM_OUTPUTS];
	bool more = true;
	int i;

	while (more && left-- > 0) {
		for (i = 0; i < STREAM_OUTPUTS; i++)
			fd[i] = (struct pollfd){p->one[i].watch.fd, POLLIN, 0};
		if (poll(fd, STREAM_OUTPUTS, 0) <= 0)
			return;
		more = false;
		for (i = 0; i < STREAM_OUTPUTS; i++)
			if (fd[i].revents & POLLIN)
				more |= pipes_read(p, (enum stream)i);
	}
}

void pipes_init(struct pipes *p)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		p->one[i].all = p;
		p->one[i].watch = (struct watch){
			.ready = ready,
			.fd = -1,
			.events = POLLIN,
		};
	}
}

int pipes_make(struct pipes *p, int write_end[STREAM_OUTPUTS])
{
	int i, fd[2];

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		if (pipe2(fd, O_CLOEXEC) < 0) {
			int err = -errno;

			while (i-- > 0)
				close(write_end[i]);
			pipes_close(p);
			return err;
		}
		p->one[i].watch.fd = fd[0];
		write_end[i] = fd[1];
	}
	return 0;
}

int pipes_use_terminal(struct pipes *p, struct winsize size,
		       int write_end[STREAM_OUTPUTS])
{
	struct pipes_one *o = &p->one[STREAM_STDOUT];
	int err, fd[2], other;

	err = terminal_make(size, fd);
	if (err)
		return err;
	other = fcntl(fd[1], F_DUPFD_CLOEXEC, 0);
	if (other < 0) {
		err = -errno;
		close(fd[0]);
		close(fd[1]);
		return err;
	}
	close(write_end[STREAM_STDOUT]);
	close(write_end[STREAM_STDERR]);
	write_end[STREAM_STDOUT] = fd[1];
	write_end[STREAM_STDERR] = other;
	pipes_close_one(p, STREAM_STDOUT);
	pipes_close_one(p, STREAM_STDERR);
	o->watch.fd = fd[0];
	o->terminal = true;
	return 0;
}
