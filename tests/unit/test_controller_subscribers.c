/* Whoever subscribes to too much is shut out, and nobody else. */
#include "tests/unit/unit.h"

#include "gate/subscribers.h"
#include "wire/sock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define TOPIC (4 * KIB)
#define TOPICS 40		/* together more than anybody may have */
#define PEERS 16

static struct hub {
	struct controller c;
	struct hub_socket pub;
	void *monitor;
	int peer[PEERS];	/* not connected yet: a number each, no more later */
} hub;

static int setup(void **state)
{
	const struct sock how = {.type = ZMQ_XPUB};
	unsigned i;

	(void)state;
	hub = (struct hub){.c.zmq = zmq_ctx_new(), .pub.c = &hub.c};
	assert_int_equal(sock_new(hub.c.zmq, &how, &hub.pub.socket), 0);
	assert_int_equal(sock_bind(hub.pub.socket, "127.0.0.1", 0,
				   &hub.pub.port), 0);
	assert_int_equal(sock_monitor(hub.c.zmq, hub.pub.socket,
				      ZMQ_EVENT_ACCEPTED |
					      ZMQ_EVENT_DISCONNECTED,
				      &hub.monitor), 0);
	for (i = 0; i < PEERS; i++) {
		hub.peer[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_true(hub.peer[i] >= 0);
	}
	return 0;
}

static int teardown(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < PEERS; i++)
		close(hub.peer[i]);
	subscribers_close(&hub.c);
	sock_monitor_close(hub.pub.socket, &hub.monitor);
	sock_close(&hub.pub.socket);
	return zmq_ctx_term(hub.c.zmq);
}

static void wait_readable(void *socket)
{
	zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};

	assert_int_equal(zmq_poll(&item, 1, -1), 1);
}

/* The next that happens to a connection is this; the hub's descriptor of it. */
static int happens(int want)
{
	int event, fd;

	while (!sock_monitor_next(hub.monitor, &event, &fd))
		wait_readable(hub.monitor);
	assert_int_equal(event, want);
	return fd;
}

static void send_all(int peer, const void *p, size_t n)
{
	assert_int_equal(send(peer, p, n, MSG_NOSIGNAL), n);
}

static void recv_all(int peer, void *p, size_t n)
{
	assert_int_equal(recv(peer, p, n, MSG_WAITALL), n);
}

/* The hub's descriptor of it. */
static int connect_peer(int peer)
{
	/* A greeting, and READY (ZeroMQ RFC 23). */
	static const char greeting[64] = "\xff\0\0\0\0\0\0\0\0\x7f\3\0NULL";
	static const char ready[] = "\4\x19\5READY\xbSocket-Type\0\0\0\3SUB";
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)hub.pub.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	unsigned char theirs[sizeof(greeting) + 2], rest[UINT8_MAX];

	assert_int_equal(connect(peer, (struct sockaddr *)&to, sizeof(to)), 0);
	send_all(peer, greeting, sizeof(greeting));
	send_all(peer, ready, sizeof(ready) - 1);
	recv_all(peer, theirs, sizeof(theirs));
	recv_all(peer, rest, theirs[sizeof(greeting) + 1]);
	return happens(ZMQ_EVENT_ACCEPTED);
}

static void subscribe(int peer, size_t topic)
{
	char frame[9 + 1 + TOPIC] = {2};	/* of eight bytes of length */
	size_t n = 1 + topic;

	frame[7] = (char)(n >> 8);
	frame[8] = (char)n;
	frame[9] = 1;
	memset(frame + 10, 'x', topic);
	send_all(peer, frame, 9 + n);
}

static void subscribe_to_much(int peer)
{
	unsigned i;

	for (i = 0; i < TOPICS; i++)
		subscribe(peer, TOPIC - i);
}

static void read_subscriptions(unsigned n)
{
	unsigned got = 0;

	while (got < n) {
		wait_readable(hub.pub.socket);
		got += subscribers_read(&hub.pub, "iopub", NULL);
	}
}

static void test_too_much(void **state)
{
	int fd = connect_peer(hub.peer[0]);

	(void)state;
	subscribe_to_much(hub.peer[0]);
	while (!hub.c.count.refused_peers)
		read_subscriptions(1);
	assert_int_equal(happens(ZMQ_EVENT_DISCONNECTED), fd);
	assert_int_equal(hub.c.count.refused_peers, 1);
}

/* What it wanted is read when another connection has its descriptor. */
static void test_of_a_connection_that_has_ended(void **state)
{
	int fd = connect_peer(hub.peer[0]);
	char got[3];
	unsigned i = 0;

	(void)state;
	subscribe_to_much(hub.peer[0]);
	assert_int_equal(shutdown(hub.peer[0], SHUT_WR), 0);
	assert_int_equal(happens(ZMQ_EVENT_DISCONNECTED), fd);
	do {
		assert_in_range(++i, 1, PEERS - 1);
	} while (connect_peer(hub.peer[i]) != fd);
	subscribe(hub.peer[i], 1);
	read_subscriptions(TOPICS + 1);
	assert_int_equal(hub.c.count.refused_peers, 0);
	assert_int_equal(zmq_send(hub.pub.socket, "x", 1, 0), 1);
	recv_all(hub.peer[i], got, sizeof(got));
	assert_memory_equal(got, "\0\1x", sizeof(got));
}

#define HUB_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	HUB_TEST(test_too_much),
	HUB_TEST(test_of_a_connection_that_has_ended),
};

UNIT_MAIN(tests)
