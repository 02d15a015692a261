#include "tests/unit/unit.h"
#include "wire/limits.h"
#include "wire/msg.h"

/* A message of our own, signed with `s`; any of the parts may be rubbish. */
static struct msg made(struct session *s, const char *header,
		       const char *parent, const char *metadata,
		       struct bytes content)
{
	struct bytes parts[4] = {bytes_str(header), bytes_str(parent),
				 bytes_str(metadata), content};
	char sig[SIGNATURE_SIZE];
	struct msg m = {0};
	int i;

	session_sign(s, parts, sig);
	msg_add_frame(&m, bytes_of("\0id", 3));
	msg_add_frame(&m, bytes_str(MSG_DELIMITER));
	msg_add_frame(&m, bytes_of(sig, sizeof(sig)));
	for (i = 0; i < 4; i++)
		msg_add_frame(&m, parts[i]);
	return m;
}

#define EIGHT(x) x x x x x x x x

static void expect_parent(const struct msg *m, const char *id)
{
	struct json_object *parent = json_parse(msg_echo(m), NULL);

	assert_non_null(parent);
	assert_string_equal(json_get_str(parent, "msg_id", NULL), id);
	json_object_put(parent);
}

static const char good_header[] = "{\"msg_id\":\"1\",\"msg_type\":\"x\"}";

/* Signed with the right key, and still no message. */
static void test_signed_rubbish_is_refused(void **state)
{
	static const struct {
		const char *header, *parent, *metadata, *content;
	} row[] = {
		{"", "{}", "{}", "{}"},
		{"{\"msg_id\":\"1\",\"msg_type\":\"x\",\"a\":NaN}", "{}", "{}",
		 "{}"},
		{"{\"msg_id\":\"1\",\"msg_type\":\"x\",\"a\":1e999}", "{}",
		 "{}", "{}"},
		{"{\"msg_type\":\"x\",\"a\":" EIGHT(EIGHT("[")) EIGHT(EIGHT("]"))
		 ",\"msg_id\":\"1\"}", "{}", "{}", "{}"},
		{"[]", "{}", "{}", "{}"},
		{"null", "{}", "{}", "{}"},
		{"{}", "{}", "{}", "{}"},
		{"{\"msg_id\":\"1\"}", "{}", "{}", "{}"},
		{"{\"msg_type\":\"x\"}", "{}", "{}", "{}"},
		{"{\"msg_id\":1,\"msg_type\":\"x\"}", "{}", "{}", "{}"},
		{"{\"msg_id\":\"1\",\"msg_type\":7}", "{}", "{}", "{}"},
		{"{\"msg_id\":\"1\",\"msg_type\":\"a\\u0000b\"}", "{}", "{}",
		 "{}"},
		{"{\"msg_id\":\"1\\u0000\",\"msg_type\":\"a\"}", "{}", "{}",
		 "{}"},
		{good_header, "[]", "{}", "{}"},
		{good_header, "{}", "7", "{}"},
		{good_header, "{}", "{}", ""},
		{good_header, "{}", "{}", "[]"},
		{good_header, "{}", "{}", "{\"a\":NaN}"},
		{good_header, "{}", "{}", "{\"a\":\"\xff\"} {}"},
		{good_header, "{}", "{}", "{} {}"},
	};
	struct session s;
	struct msg m;
	size_t i;

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 100);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		m = made(&s, row[i].header, row[i].parent, row[i].metadata,
			 bytes_str(row[i].content));
		if (msg_open(&m, &s, MSG_READ) != -EPROTO || !m.why)
			fail_msg("row %zu passed", i);
		/* What could be read is there for who answers. */
		if (row[i].header == good_header || (i >= 1 && i <= 3)) {
			assert_string_equal(m.id, "1");
			expect_parent(&m, "1");
		}
		msg_done(&m);
	}
	assert_int_equal(s.count.unreadable, ARRAY_SIZE(row));
	assert_int_equal(s.count.malformed, 0);
	assert_int_equal(s.count.received, 0);
	session_done(&s);
}

/* As ipyparallel's clients read it. */
static void test_a_byte_that_is_no_utf8(void **state)
{
	struct session s;
	struct msg m;

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 100);
	m = made(&s, good_header, "{}", "{}", bytes_str("{\"a\":\"b\xff\"}"));
	assert_int_equal(msg_open(&m, &s, MSG_READ), 0);
	assert_string_equal(json_get_str(m.content, "a", NULL),
			    "b\xef\xbf\xbd");
	msg_done(&m);
	session_done(&s);
}

static void test_relays_do_not_read_content(void **state)
{
	struct session s;
	struct msg m;
	int i;

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 100);
	for (i = 0; i < 2; i++) { /* and leave replays to the receiver */
		m = made(&s, good_header, "{}", "{\"k\":1}",
			 bytes_of("\x80pickle", 7));
		assert_int_equal(msg_open(&m, &s, MSG_RELAY), 0);
		assert_string_equal(m.type, "x");
		assert_null(m.content);
		assert_int_equal(json_int_or(m.metadata, "k", 0), 1);
		msg_done(&m);
	}
	session_done(&s);
}

static void test_a_replay_is_refused(void **state)
{
	struct session s;
	struct msg m;

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 100);
	m = made(&s, good_header, "{}", "{}", bytes_str("{}"));
	assert_int_equal(msg_open(&m, &s, MSG_READ), 0);
	msg_done(&m);
	m = made(&s, good_header, "{}", "{}", bytes_str("{}"));
	assert_int_equal(msg_open(&m, &s, MSG_READ), -EALREADY);
	msg_done(&m);
	assert_int_equal(s.count.replayed, 1);
	session_done(&s);
}

/* A message of ours says in its header which buffers it has. */
static void test_other_buffers_are_refused(void **state)
{
	static const char *const buffers[][3] = {
		{"ab", "c"}, {"a", "bc"}, {"abc"}, {"ab", "c", ""}, {"ab"},
	};
	void *zmq = zmq_ctx_new(), *to = zmq_socket(zmq, ZMQ_PAIR);
	void *from = zmq_socket(zmq, ZMQ_PAIR);
	struct bytes good[] = {bytes_str("ab"), bytes_str("c")};
	struct msg_out out = {.type = "x", .buffers = good, .nbuffers = 2};
	struct session s;
	struct msg m = {0}, copy;
	size_t i, k;

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 0);
	assert_int_equal(zmq_bind(to, "inproc://x"), 0);
	assert_int_equal(zmq_connect(from, "inproc://x"), 0);
	assert_int_equal(msg_send(from, &s, &out), 0);
	assert_int_equal(msg_recv(&m, to), 0);
	for (i = 0; i < ARRAY_SIZE(buffers); i++) {
		copy = (struct msg){0};
		for (k = 0; k < 6; k++)
			msg_add_frame(&copy, msg_frame(&m, (unsigned)k));
		for (k = 0; k < 3 && buffers[i][k]; k++)
			msg_add_frame(&copy, bytes_str(buffers[i][k]));
		assert_int_equal(msg_open(&copy, &s, MSG_RELAY),
				 i == 0 ? 0 : -EBADMSG);
		msg_done(&copy);
	}
	assert_int_equal(s.count.forged, ARRAY_SIZE(buffers) - 1);
	msg_done(&m);
	session_done(&s);
	zmq_close(from);
	zmq_close(to);
	zmq_ctx_term(zmq);
}

static void test_json_larger_than_its_limit(void **state)
{
	char *big = xmalloc(LIMIT_JSON + 16);
	struct session s;
	struct msg m;

	(void)state;
	memset(big, ' ', LIMIT_JSON + 16);
	memcpy(big, "{}", 2);
	session_init(&s, NULL, bytes_str("key"), 100);
	m = made(&s, good_header, "{}", "{}",
		 bytes_of(big, LIMIT_JSON + 16));
	assert_int_equal(msg_open(&m, &s, MSG_READ), -EPROTO);
	assert_string_equal(m.why, "it is longer than 64 MiB");
	msg_done(&m);
	session_done(&s);
	free(big);
}

static void test_the_first_delimiter_counts(void **state)
{
	struct session s;
	struct msg m;

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 100);
	m = made(&s, good_header, "{}", "{}", bytes_str("{}"));
	msg_add_frame(&m, bytes_str(MSG_DELIMITER));
	assert_int_equal(msg_open(&m, &s, MSG_READ), 0);
	assert_int_equal(m.idents, 1);
	assert_int_equal(msg_buffers(&m), 1);
	msg_done(&m);
	session_done(&s);
}

static void test_empty_message(void **state)
{
	struct session s;
	struct msg m = {0};
	struct buf b = BUF_INIT;

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 100);
	assert_int_equal(msg_open(&m, &s, MSG_READ), -EBADMSG);
	assert_int_equal(msg_buffers(&m), 0);
	assert_int_equal(msg_part(&m, MSG_CONTENT).n, 0);
	msg_describe(&m, &b);
	assert_text(buf_bytes(&b), "0 frames");
	msg_done(&m);
	msg_done(&m);
	buf_done(&b);
	session_done(&s);
}

/* --- through real sockets --- */

static void *zmq, *near, *far;

static int open_pair(void **state)
{
	(void)state;
	zmq = zmq_ctx_new();
	near = zmq_socket(zmq, ZMQ_PAIR);
	far = zmq_socket(zmq, ZMQ_PAIR);
	return zmq_bind(near, "inproc://pair") ||
	       zmq_connect(far, "inproc://pair");
}

static int close_pair(void **state)
{
	(void)state;
	zmq_close(near);
	zmq_close(far);
	zmq_ctx_term(zmq);
	return 0;
}

static void test_send_and_receive(void **state)
{
	static const char parent[] = "{\"msg_id\": \"old\", \"x\":  1}";
	struct bytes idents[] = {bytes_of("\0peer", 5), bytes_str("topic")};
	struct bytes buffers[] = {bytes_of("a\0b", 3), bytes_of(NULL, 0),
				  bytes_str("last")};
	struct json_object *content = json_object_new_object();
	struct msg_out out = {.type = "test_request",
			      .parent = bytes_str(parent),
			      .content = content,
			      .buffers = buffers,
			      .nbuffers = 3,
			      .idents = idents,
			      .nidents = 2};
	struct session s, reader;
	struct bytes b;
	struct msg m = {0};

	(void)state;
	json_add_int(content, "second", 1);
	json_add_int(content, "none", 3);
	session_init(&s, "writer", bytes_str("key"), 0);
	session_init(&reader, "reader", bytes_str("key"), 10);
	assert_int_equal(msg_recv(&m, far), -EAGAIN);
	assert_int_equal(msg_send(near, &s, &out), 0);
	assert_int_equal(msg_recv(&m, far), 0);
	assert_int_equal(msg_open(&m, &reader, MSG_READ), 0);
	assert_string_equal(m.type, "test_request");
	assert_string_equal(json_get_str(m.header, "session", NULL), "writer");
	assert_string_equal(json_get_str(m.header, "version", NULL), "5.3");
	assert_non_null(json_get_str(m.header, "date", NULL));
	assert_non_null(json_get_str(m.header, "username", NULL));
	/* Signed bytes are passed on as they were. */
	assert_text(msg_part(&m, MSG_PARENT), parent);
	assert_bytes(msg_ident(&m, 0), idents[0]);
	assert_bytes(msg_ident(&m, 1), idents[1]);
	assert_int_equal(msg_buffers(&m), 3);
	assert_true(msg_named_buffer(&m, m.content, "second", &b));
	assert_int_equal(b.n, 0);
	assert_false(msg_named_buffer(&m, m.content, "none", &b));
	assert_false(msg_named_buffer(&m, m.content, "missing", &b));
	msg_done(&m);
	json_object_put(content);
	session_done(&s);
	session_done(&reader);
}

static void test_forward_keeps_the_signature(void **state)
{
	struct bytes to[] = {bytes_str("engine")};
	struct session s, reader;
	struct msg m, got = {0};

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 0);
	session_init(&reader, NULL, bytes_str("key"), 10);
	m = made(&s, good_header, "{}", "{ \"odd\" :1}", bytes_str("{}"));
	msg_add_frame(&m, bytes_str("buffer"));
	assert_int_equal(msg_open(&m, &s, MSG_RELAY), 0);
	assert_int_equal(msg_forward(near, &m, to, 1), 0);
	assert_string_equal(m.type, "x"); /* what is parsed stays */
	msg_done(&m);
	assert_int_equal(msg_recv(&got, far), 0);
	assert_int_equal(msg_open(&got, &reader, MSG_READ), 0);
	assert_int_equal(got.idents, 1);
	assert_text(msg_ident(&got, 0), "engine");
	assert_text(msg_part(&got, MSG_METADATA), "{ \"odd\" :1}");
	assert_text(msg_buffer(&got, 0), "buffer");
	msg_done(&got);
	session_done(&s);
	session_done(&reader);
}

static void test_unsigned_when_there_is_no_key(void **state)
{
	struct msg_out out = {.type = "x"};
	struct session s;
	struct msg m = {0};

	(void)state;
	session_init(&s, NULL, bytes_str(""), 0);
	assert_int_equal(msg_send(near, &s, &out), 0);
	assert_int_equal(msg_recv(&m, far), 0);
	assert_int_equal(msg_part(&m, MSG_SIGNATURE).n, 0);
	assert_int_equal(msg_open(&m, &s, MSG_READ), 0);
	msg_done(&m);
	session_done(&s);
}

static void test_too_many_frames(void **state)
{
	struct session s;
	struct msg m = {0};
	struct msg_out out = {.type = "next"};
	unsigned i;

	(void)state;
	session_init(&s, NULL, bytes_str("key"), 0);
	for (i = 0; i <= LIMIT_FRAMES + 5; i++)
		assert_int_equal(zmq_send(near, "", 0,
					  i <= LIMIT_FRAMES + 4 ? ZMQ_SNDMORE
								: 0),
				 0);
	assert_int_equal(msg_recv(&m, far), -EMSGSIZE);
	assert_int_equal(m.frames, 0);
	/* All of it is gone: the next message begins at its beginning. */
	assert_int_equal(msg_send(near, &s, &out), 0);
	assert_int_equal(msg_recv(&m, far), 0);
	assert_int_equal(msg_open(&m, &s, MSG_READ), 0);
	assert_string_equal(m.type, "next");
	msg_done(&m);
	session_done(&s);
}

static void test_nobody_takes_it(void **state)
{
	struct msg_out out = {.type = "x"};
	struct session s;
	void *lonely = zmq_socket(zmq, ZMQ_DEALER);
	int linger = 0;

	(void)state;
	zmq_setsockopt(lonely, ZMQ_LINGER, &linger, sizeof(linger));
	session_init(&s, NULL, bytes_str("key"), 0);
	assert_int_equal(msg_send(lonely, &s, &out), -EAGAIN);
	zmq_close(lonely);
	session_done(&s);
}

#define PAIR_TEST(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_signed_rubbish_is_refused),
	cmocka_unit_test(test_a_byte_that_is_no_utf8),
	cmocka_unit_test(test_relays_do_not_read_content),
	cmocka_unit_test(test_a_replay_is_refused),
	cmocka_unit_test(test_other_buffers_are_refused),
	cmocka_unit_test(test_json_larger_than_its_limit),
	cmocka_unit_test(test_the_first_delimiter_counts),
	cmocka_unit_test(test_empty_message),
	PAIR_TEST(test_send_and_receive),
	PAIR_TEST(test_forward_keeps_the_signature),
	PAIR_TEST(test_unsigned_when_there_is_no_key),
	PAIR_TEST(test_too_many_frames),
	PAIR_TEST(test_nobody_takes_it),
};

UNIT_MAIN(tests)
