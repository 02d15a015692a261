#include "base/base.h"
#include "door.h"

#include "base/log.h"

#include <linux/tcp.h>
#include <netdb.h>
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
/* So many connections may have shown no key yet. */
#define LIMIT_STRANGERS 256
#define LOOK_EVERY (20 * USEC_PER_MSEC)
/* And when they are too many, not sooner than this. */
#define LOOK_AGAIN (2 * USEC_PER_MSEC)

struct bell {
	struct door *door;
	const char *name;
	void *socket, *monitor;
	struct watch watch;
};

struct door {
	struct controller *c;
	struct bell bell[SOCKETS];
	size_t nbells;
	struct stranger {
		int fd;		/* libzmq's */
		const struct bell *bell;
	} stranger[LIMIT_STRANGERS];	/* oldest first */
	size_t n;
	uint64_t looked;	/* mono_usec() */
	struct timer timer;
};

static struct log_limit noise;

static void forget(struct door *d, size_t i)
{
	d->n--;
	memmove(d->stranger + i, d->stranger + i + 1,
		(d->n - i) * sizeof(*d->stranger));
}

/* Each socket tells in order; of two, the end of one's connection may be told
 * behind the beginning of the other's, which has its number. */
static void forget_fd(struct door *d, const struct bell *bell, int fd)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		if (d->stranger[i].fd == fd && d->stranger[i].bell == bell) {
			forget(d, i);
			return;
		}
	}
}

/* "127.0.0.1:4711" */
static void put_peer(int fd, struct buf *out)
{
	struct sockaddr_storage peer = {0};
	socklen_t n = sizeof(peer);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0 &&
	    getnameinfo((struct sockaddr *)&peer, n, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		buf_printf(out, "%s:%s", host, port);
}

/* libzmq closes it. */
void door_shut_out(struct controller *c, int fd, const char *socket,
		   const char *why)
{
	struct buf peer = BUF_INIT;
	unsigned skipped;

	if (log_allowed(&noise, 5, 10 * USEC_PER_SEC, &skipped)) {
		put_peer(fd, &peer);
		log_warning("a connection is shut out", log_str("why", why),
			    log_str("socket", socket),
			    log_bytes("peer", buf_bytes(&peer)),
			    log_int("not_logged", skipped));
		buf_done(&peer);
	}
	c->count.refused_peers++;
	(void)shutdown(fd, SHUT_RDWR);
}

/*
 * Should libzmq have closed it already, and the descriptor be that of something
 * else, then of no connection that was let in: those are not asked for.
 */
static void shut_out(struct door *d, size_t i, const char *why)
{
	door_shut_out(d->c, d->stranger[i].fd, d->stranger[i].bell->name, why);
	forget(d, i);
}

/* What the kernel has counted; false: it is no connection of TCP. */
static bool counted(int fd, struct tcp_info *ret)
{
	socklen_t n = sizeof(*ret);

	*ret = (struct tcp_info){0};
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &n) == 0 &&
	       n >= offsetof(struct tcp_info, tcpi_dsack_dups);
}

uint64_t door_received(int fd)
{
	struct tcp_info info;

	return counted(fd, &info) ? info.tcpi_bytes_received : 0;
}

/* Whether it is to be looked at again. */
static bool is_stranger(int fd, bool *ret_too_much)
{
	struct tcp_info info;

	*ret_too_much = false;
	if (!counted(fd, &info) ||
	    info.tcpi_bytes_sent - info.tcpi_bytes_retrans >
		    GREETING + WELCOME)
		return false;
	*ret_too_much = info.tcpi_bytes_received > HANDSHAKE_MOST;
	return true;
}

static void look_at_all(struct door *d)
{
	bool too_much;
	size_t i = 0;

	d->looked = mono_usec();
	while (i < d->n) {
		if (!is_stranger(d->stranger[i].fd, &too_much))
			forget(d, i);
		else if (too_much)
			shut_out(d, i, "it sent more than a handshake is");
		else
			i++;
	}
}

static void look(struct timer *t)
{
	struct door *d = container_of(t, struct door, timer);

	look_at_all(d);
	if (d->n)
		timer_set(d->c->loop, t, LOOK_EVERY);
}

static void came(struct door *d, const struct bell *bell, int fd)
{
	bool too_much;

	/* Most of a thousand engines that start are let in since the last look. */
	if (d->n == LIMIT_STRANGERS && mono_usec() - d->looked > LOOK_AGAIN)
		look_at_all(d);
	while (d->n == LIMIT_STRANGERS) {
		if (is_stranger(d->stranger[0].fd, &too_much))
			shut_out(d, 0, "too many wait to be let in");
		else
			forget(d, 0);
	}
	d->stranger[d->n++] = (struct stranger){.fd = fd, .bell = bell};
	if (!timer_is_set(&d->timer))
		timer_set(d->c->loop, &d->timer, LOOK_EVERY);
}

/* The peer encrypts nothing, or for the key of another controller. */
static void no_curve(struct bell *b)
{
	unsigned skipped;

	b->door->c->count.refused_peers++;
	if (log_allowed(&noise, 5, 10 * USEC_PER_SEC, &skipped))
		log_warning("a peer is not let in: it does not encrypt, or for "
			    "another controller",
			    log_str("socket", b->name),
			    log_int("not_logged", skipped));
}

static void ready(struct watch *w, short events)
{
	struct bell *b = container_of(w, struct bell, watch);
	int event, value;

	(void)events;
	while (sock_monitor_next(b->monitor, &event, &value)) {
		if (event == ZMQ_EVENT_ACCEPTED)
			came(b->door, b, value);
		else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
			no_curve(b);
		else
			forget_fd(b->door, b, value);
	}
}

int door_watch(struct controller *c, void *socket, const char *name)
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
				   ZMQ_EVENT_CLOSED |
				   ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
			   &b->monitor);
	if (err)
		return err;
	d->nbells++;
	b->door = d;
	b->name = name;
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
