#include "wire/sock.h"
#include "base/file.h"
#include "base/parse.h"
#include "wire/limits.h"

#include <sodium.h>

/* Ports below are for services with a name. */
#define LOWEST_PORT 10000
/* So many are tried; then the kernel says. */
#define TRIES 64
/* The ports of one process stand together: who takes some while it is away is
 * not likely to take one of them. */
#define TOGETHER 16

/*
 * The kernel asks for a peer that is silent, which keeps what forgets idle
 * connections (NAT, firewalls) from doing so. A process that stands still counts
 * as there.
 */
#define SILENT_S 60
#define ASK_AGAIN_S 15
#define ASK_TIMES 4

/* Of a server; who needs longer tries again. */
#define HANDSHAKE_MS 10000

#define HEARTBEAT_MS 1000
#define HEARTBEAT_PATIENCE_MS 5000

static int set_int(void *s, int option, int v)
{
	return zmq_setsockopt(s, option, &v, sizeof(v)) < 0 ? -errno : 0;
}

static int set_curve(void *s, const struct sock *how)
{
	const struct curve *c = how->curve;
	int err = 0;

	if (!c || !c->on)
		return 0;
	if (c->server_secret[0]) {
		err = set_int(s, ZMQ_CURVE_SERVER, 1);
		if (!err && zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY,
					   c->server_secret, CURVE_KEY) < 0)
			err = -errno;
		if (!err && how->domain &&
		    zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, how->domain,
				   strlen(how->domain)) < 0)
			err = -errno;
		if (!err)
			err = set_int(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
		return err;
	}
	if (zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, c->server_public,
			   CURVE_KEY) < 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, c->public_key,
			   CURVE_KEY) < 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, c->secret_key,
			   CURVE_KEY) < 0)
		err = -errno;
	return err;
}

static int set_keepalive(void *s)
{
	int err = set_int(s, ZMQ_TCP_KEEPALIVE, 1);

	if (!err)
		err = set_int(s, ZMQ_TCP_KEEPALIVE_IDLE, SILENT_S);
	if (!err)
		err = set_int(s, ZMQ_TCP_KEEPALIVE_INTVL, ASK_AGAIN_S);
	return err ? err : set_int(s, ZMQ_TCP_KEEPALIVE_CNT, ASK_TIMES);
}

static int set_options(void *s, const struct sock *how)
{
	int64_t max = how->max_frame ? how->max_frame : (int64_t)LIMIT_FRAME;
	int err = set_int(s, ZMQ_SNDHWM, how->send_hwm);

	if (!err)
		err = set_int(s, ZMQ_RCVHWM, how->recv_hwm);
	if (!err)
		err = set_int(s, ZMQ_LINGER, how->linger_ms);
	if (!err && zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof(max)) < 0)
		err = -errno;
	/* Peers come back soon after a restart of the controller. */
	if (!err)
		err = set_int(s, ZMQ_RECONNECT_IVL, 50);
	if (!err)
		err = set_int(s, ZMQ_RECONNECT_IVL_MAX, 1000);
	if (!err)
		err = set_keepalive(s);
	/* A peer that comes back is not kept out by the connection it had, which
	 * this side may not know to be dead. */
	if (!err && how->type == ZMQ_ROUTER)
		err = set_int(s, ZMQ_ROUTER_HANDOVER, 1);
	if (!err && how->heartbeat)
		err = set_int(s, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
	if (!err && how->heartbeat)
		err = set_int(s, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_PATIENCE_MS);
	if (!err && how->identity &&
	    zmq_setsockopt(s, ZMQ_IDENTITY, how->identity,
			   strlen(how->identity)) < 0)
		err = -errno;
	if (!err && how->type == ZMQ_SUB &&
	    zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0) < 0)
		err = -errno;
	return err ? err : set_curve(s, how);
}

int sock_new(void *zmq, const struct sock *how, void **ret_socket)
{
	void *s = zmq_socket(zmq, how->type);
	int err;

	if (!s)
		return -errno;
	err = set_options(s, how);
	if (err) {
		zmq_close(s);
		return err;
	}
	*ret_socket = s;
	return 0;
}

void sock_close(void **socket)
{
	if (*socket)
		zmq_close(*socket);
	*socket = NULL;
}

/* The first port that is given to who names none. */
static unsigned first_given_port(void)
{
	struct buf b = BUF_INIT;
	uint64_t n = 0;
	const char *p;

	if (file_read("/proc/sys/net/ipv4/ip_local_port_range", 256, &b) == 0) {
		p = buf_str(&b);
		if (parse_u64(bytes_of(p, strcspn(p, " \t\n")), 0, 65535, &n))
			n = 0;
	}
	buf_done(&b);
	return (unsigned)n;
}

static int bind_to(void *socket, const char *ip, unsigned port,
		   unsigned *ret_port);

static int bind_anywhere(void *socket, const char *ip, unsigned *ret_port)
{
	static unsigned next;
	unsigned end = first_given_port(), i;
	int err = -EADDRINUSE;

	for (i = 0; i < TRIES && end >= LOWEST_PORT + TOGETHER &&
		    err == -EADDRINUSE; i++) {
		if (next % TOGETHER == 0)
			next = LOWEST_PORT +
			       randombytes_uniform((end - LOWEST_PORT) /
						   TOGETHER) * TOGETHER;
		err = bind_to(socket, ip, next++, ret_port);
	}
	return err == -EADDRINUSE ? bind_to(socket, ip, 0, ret_port) : err;
}

int sock_bind(void *socket, const char *ip, unsigned port, unsigned *ret_port)
{
	return port ? bind_to(socket, ip, port, ret_port)
		    : bind_anywhere(socket, ip, ret_port);
}

void sock_unbind(void *socket, const char *ip, unsigned port)
{
	char at[256];

	snprintf(at, sizeof(at), "tcp://%s:%u", ip, port);
	(void)zmq_unbind(socket, at);
}

static int bind_to(void *socket, const char *ip, unsigned port,
		   unsigned *ret_port)
{
	char at[256];
	size_t n = sizeof(at);
	const char *colon;
	uint64_t got;

	if (port)
		snprintf(at, sizeof(at), "tcp://%s:%u", ip, port);
	else
		snprintf(at, sizeof(at), "tcp://%s:*", ip);
	if (zmq_bind(socket, at) < 0 ||
	    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, at, &n) < 0)
		return -errno;
	colon = strrchr(at, ':');
	if (!colon || parse_u64(bytes_str(colon + 1), 1, 65535, &got))
		return -EINVAL;
	*ret_port = (unsigned)got;
	return 0;
}

int sock_connect(void *socket, const char *interface, unsigned port)
{
	char at[512];

	snprintf(at, sizeof(at), "%s:%u", interface, port);
	return zmq_connect(socket, at) < 0 ? -errno : 0;
}

int sock_connect_again(void *socket, const char *interface, unsigned port)
{
	char at[512];

	snprintf(at, sizeof(at), "%s:%u", interface, port);
	(void)zmq_disconnect(socket, at);
	return sock_connect(socket, interface, port);
}

int sock_monitor(void *zmq, void *socket, int events, void **ret_monitor)
{
	static unsigned count;
	struct sock how = {.type = ZMQ_PAIR};
	void *monitor = NULL;
	char at[64];
	int err = sock_new(zmq, &how, &monitor);

	if (err)
		return err;
	/* The name of one that was closed may still be taken. */
	snprintf(at, sizeof(at), "inproc://taskfs-monitor-%u", count++);
	if (zmq_socket_monitor(socket, at, events) < 0 ||
	    zmq_connect(monitor, at) < 0) {
		err = -errno;
		sock_monitor_close(socket, &monitor);
		return err;
	}
	*ret_monitor = monitor;
	return 0;
}

bool sock_monitor_next(void *monitor, int *ret_event, int *ret_value)
{
	unsigned char frame[6];
	uint16_t event;
	int32_t value;
	char address[256];

	if (zmq_recv(monitor, frame, sizeof(frame), ZMQ_DONTWAIT) !=
	    sizeof(frame))
		return false;
	(void)zmq_recv(monitor, address, sizeof(address), ZMQ_DONTWAIT);
	memcpy(&event, frame, sizeof(event));
	memcpy(&value, frame + sizeof(event), sizeof(value));
	*ret_event = event;
	*ret_value = value;
	return true;
}

bool sock_monitor_ended(void *monitor)
{
	bool ended = false;
	int event, value;

	while (sock_monitor_next(monitor, &event, &value))
		ended |= event == ZMQ_EVENT_DISCONNECTED;
	return ended;
}

void sock_monitor_close(void *socket, void **monitor)
{
	if (socket && *monitor)
		zmq_socket_monitor(socket, NULL, 0);
	sock_close(monitor);
}
