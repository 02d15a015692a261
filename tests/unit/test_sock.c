#include "tests/unit/unit.h"
#include "wire/sock.h"

static void *zmq;

static int setup(void **state)
{
	(void)state;
	zmq = zmq_ctx_new();
	return zmq ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return zmq_ctx_term(zmq);
}

static void *make(const struct sock *how)
{
	void *s = NULL;

	assert_int_equal(sock_new(zmq, how, &s), 0);
	return s;
}

/* A message arrives, and no other. */
static void ping(void *client, void *server)
{
	char text[16];

	assert_int_equal(zmq_send(client, "ping", 4, ZMQ_DONTWAIT), 4);
	assert_true(zmq_recv(server, text, sizeof(text), 0) > 0); /* of whom */
	assert_int_equal(zmq_recv(server, text, sizeof(text), 0), 4);
	assert_memory_equal(text, "ping", 4);
}

/* A port that a connection of anybody may have. */
static bool is_given(unsigned port)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
	char line[64], *second;
	unsigned long from, to;

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	from = strtoul(line, &second, 10);
	to = strtoul(second, NULL, 10);
	assert_in_range(to, 1024, 65535);
	return port >= from && port <= to;
}

static void test_bind_and_connect(void **state)
{
	struct sock how = {.type = ZMQ_ROUTER};
	struct sock peer = {.type = ZMQ_DEALER, .identity = "me"};
	void *server = make(&how), *client = make(&peer), *second = make(&how);
	unsigned port = 0, again;

	(void)state;
	assert_int_equal(sock_bind(server, "127.0.0.1", 0, &port), 0);
	assert_false(is_given(port));
	assert_in_range(port, 1, 65535);
	assert_int_equal(sock_bind(second, "127.0.0.1", port, &again),
			 -EADDRINUSE);
	assert_int_equal(sock_connect(client, "tcp://127.0.0.1", port), 0);
	ping(client, server);
	sock_close(&server);
	sock_close(&client);
	sock_close(&second);
	assert_null(server);
	sock_close(&server);
}

/* An identity that comes again is the same peer, on another connection. */
static void test_it_comes_again(void **state)
{
	struct sock how = {.type = ZMQ_ROUTER};
	struct sock peer = {.type = ZMQ_DEALER, .identity = "me"};
	void *server = make(&how), *before = make(&peer), *now = make(&peer);
	int never = -1;
	unsigned port;
	char text[8];

	(void)state;
	assert_int_equal(zmq_setsockopt(before, ZMQ_RECONNECT_IVL, &never,
					sizeof(never)), 0);
	assert_int_equal(sock_bind(server, "127.0.0.1", 0, &port), 0);
	assert_int_equal(sock_connect(before, "tcp://127.0.0.1", port), 0);
	ping(before, server);
	assert_int_equal(sock_connect(now, "tcp://127.0.0.1", port), 0);
	ping(now, server);
	assert_int_equal(zmq_send(server, "me", 2, ZMQ_SNDMORE), 2);
	assert_int_equal(zmq_send(server, "pong", 4, 0), 4);
	assert_int_equal(zmq_recv(now, text, sizeof(text), 0), 4);
	sock_close(&server);
	sock_close(&before);
	sock_close(&now);
}

/* Of a line of /proc/net/tcp, between blanks and colons: proc_pid_net(5). */
enum { FROM = 2, TO = 4, STATE = 5, TIMER = 8, FIELDS };

static void read_line(char *line, unsigned long field[FIELDS])
{
	char *rest = NULL, *word = strtok_r(line, " :", &rest);
	int i;

	for (i = 0; i < FIELDS; i++) {
		field[i] = word ? strtoul(word, NULL, 16) : 0;
		word = word ? strtok_r(NULL, " :", &rest) : NULL;
	}
}

/* The connections of this port, both ends; and how many the kernel asks for. */
static int connections(unsigned port, int *ret_asked_for)
{
	FILE *f = fopen("/proc/net/tcp", "r");
	unsigned long field[FIELDS];
	char line[256];
	int n = 0;

	assert_non_null(f);
	*ret_asked_for = 0;
	while (fgets(line, sizeof(line), f)) {
		read_line(line, field);
		if (field[STATE] != 1 ||
		    (field[FROM] != port && field[TO] != port))
			continue;
		n++;
		*ret_asked_for += field[TIMER] == 2;
	}
	fclose(f);
	return n;
}

static void test_a_silent_peer_is_asked_for(void **state)
{
	struct sock how = {.type = ZMQ_ROUTER};
	struct sock peer = {.type = ZMQ_DEALER};
	void *server = make(&how), *client = make(&peer);
	unsigned port;
	int asked_for;

	(void)state;
	assert_int_equal(sock_bind(server, "127.0.0.1", 0, &port), 0);
	assert_int_equal(sock_connect(client, "tcp://127.0.0.1", port), 0);
	ping(client, server);
	/* Until all is acknowledged the kernel waits for that. */
	while (connections(port, &asked_for) < 2 || asked_for < 2)
		;
	sock_close(&server);
	sock_close(&client);
}

static void test_mistakes(void **state)
{
	struct sock how = {.type = ZMQ_ROUTER};
	struct sock nonsense = {.type = 4711};
	void *s = make(&how), *none = NULL;
	unsigned port;

	(void)state;
	assert_int_equal(sock_new(zmq, &nonsense, &none), -EINVAL);
	assert_null(none);
	assert_true(sock_bind(s, "not an address", 0, &port) < 0);
	assert_true(sock_connect(s, "nonsense", 1) < 0);
	sock_close(&s);
}

static void test_curve(void **state)
{
	struct curve server_keys = {.on = true}, keys = {.on = true};
	struct sock how = {.type = ZMQ_ROUTER, .curve = &server_keys};
	struct sock good = {.type = ZMQ_DEALER, .curve = &keys};
	struct sock plain = {.type = ZMQ_DEALER};
	void *server, *friend, *stranger;
	unsigned port;

	(void)state;
	curve_new_pair(server_keys.server_public, server_keys.server_secret);
	memcpy(keys.server_public, server_keys.server_public, CURVE_KEY);
	curve_new_pair(keys.public_key, keys.secret_key);
	server = make(&how);
	friend = make(&good);
	stranger = make(&plain);
	assert_int_equal(sock_bind(server, "127.0.0.1", 0, &port), 0);
	assert_int_equal(sock_connect(stranger, "tcp://127.0.0.1", port), 0);
	assert_int_equal(sock_connect(friend, "tcp://127.0.0.1", port), 0);
	zmq_send(stranger, "let me in", 9, ZMQ_DONTWAIT);
	/* Only the friend's message arrives. */
	ping(friend, server);
	ping(friend, server);
	sock_close(&server);
	sock_close(&friend);
	sock_close(&stranger);
}

#define SOCK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	SOCK_TEST(test_bind_and_connect),
	SOCK_TEST(test_it_comes_again),
	SOCK_TEST(test_a_silent_peer_is_asked_for),
	SOCK_TEST(test_mistakes),
	SOCK_TEST(test_curve),
};

UNIT_MAIN(tests)
