#include "base/base.h"
#include "door.h"

#include "base/log.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/*
 * What a server has sent before it knows who is there: a greeting and WELCOME
 * (ZeroMQ RFC 23 and 26). Whoever got more was let in.
 */
#define GREETING 64
#define WELCOME (2 + 168)
/* A greeting, HELLO and INITIATE of a peer with the longest identity are less. */
#define HANDSHAKE_MOST (4 * KIB)
/* Connections that have shown no key. */
#define LIMIT_STRANGERS 256
#define LOOK_EVERY (20 * USEC_PER_MSEC)

struct bell {
	struct door *door;
	void *socket, *monitor;
	struct watch watch;
};

struct door {
	struct controller *c;
	struct bell bell[SOCKETS];
	size_t nbells;
	int stranger[LIMIT_STRANGERS];	/* descriptors of libzmq's, oldest first */
	size_t n;
	struct timer timer;
	struct log_limit noise;
};

static void forget(struct door *d, size_t i)
{
	d->n--;
	memmove(d->stranger + i, d->stranger + i + 1,
		(d->n - i) * sizeof(*d->stranger));
}

static void forget_fd(struct door *d, int fd)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		if (d->stranger[i] == fd) {
			forget(d, i);
			return;
		}
	}
}

/*
 * libzmq closes it. Should it have done so already, and the descriptor be that of
 * something else, then of no connection that was let in: those are not asked for.
 */
static void shut_out(struct door *d, size_t i, const char *why)
{
	unsigned skipped;

	if (log_allowed(&d->noise, 5, 10 * USEC_PER_SEC, &skipped))
		log_warning("a connection is shut out", log_str("why", why),
			    log_int("not_logged", skipped));
	d->c->count.refused_peers++;
	(void)shutdown(d->stranger[i], SHUT_RDWR);
	forget(d, i);
}

/* Whether it is to be looked at again. */
static bool is_stranger(int fd, bool *ret_too_much)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	*ret_too_much = false;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0 ||
	    n < offsetof(struct tcp_info, tcpi_bytes_retrans) ||
	    info.tcpi_bytes_sent > GREETING + WELCOME)
		return false;
	*ret_too_much = info.tcpi_bytes_received > HANDSHAKE_MOST;
	return true;
}

static void look(struct timer *t)
{
	struct door *d = container_of(t, struct door, timer);
	bool too_much;
	size_t i = 0;

	while (i < d->n) {
		if (!is_stranger(d->stranger[i], &too_much))
			forget(d, i);
		else if (too_much)
			shut_out(d, i, "it sent more than a handshake is");
		else
			i++;
	}
	if (d->n)
		timer_set(d->c->loop, t, LOOK_EVERY);
}

static void came(struct door *d, int fd)
{
	bool too_much;

	forget_fd(d, fd);
	while (d->n == LIMIT_STRANGERS) {
		if (is_stranger(d->stranger[0], &too_much))
			shut_out(d, 0, "too many wait to be let in");
		else
			forget(d, 0);
	}
	d->stranger[d->n++] = fd;
	if (!timer_is_set(&d->timer))
		timer_set(d->c->loop, &d->timer, LOOK_EVERY);
}

static void ready(struct watch *w, short events)
{
	struct bell *b = container_of(w, struct bell, watch);
	int event, value;

	(void)events;
	while (sock_monitor_next(b->monitor, &event, &value)) {
		if (event == ZMQ_EVENT_ACCEPTED)
			came(b->door, value);
		else
			forget_fd(b->door, value);
	}
}

int door_watch(struct controller *c, void *socket)
{
	struct door *d = c->door;
	struct bell *b;
	int err;

	if (!d) {
		d = c->door = zalloc(sizeof(*d));
		d->c = c;
		d->timer.fire = look;
	}
	b = &d->bell[d->nbells];
	err = sock_monitor(c->zmq, socket,
			   ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
				   ZMQ_EVENT_CLOSED,
			   &b->monitor);
	if (err)
		return err;
	d->nbells++;
	b->door = d;
	b->socket = socket;
	b->watch = (struct watch){.socket = b->monitor, .events = POLLIN,
				  .ready = ready};
	loop_add(c->loop, &b->watch);
	return 0;
}

void door_close(struct controller *c)
{
	struct door *d = c->door;
	size_t i;

	if (!d)
		return;
	timer_cancel(&d->timer);
	for (i = 0; i < d->nbells; i++) {
		loop_remove(&d->bell[i].watch);
		sock_monitor_close(d->bell[i].socket, &d->bell[i].monitor);
	}
	free(d);
	c->door = NULL;
}
