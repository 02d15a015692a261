/*
 * Frames of a message. The input is cut at every byte 0xff; when its first
 * byte is even, the message is signed as it should be, so that what is behind
 * the signature is reached.
 */
#include "tests/fuzz/fuzz.h"
#include "wire/limits.h"
#include "wire/msg.h"

#define FRAME_END 0xff

static struct session session;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	session_init(&session, "fuzz", bytes_str("a key"), 64);
	return 0;
}

/* The signature the four frames from `first` on should have. */
static void sign(struct bytes *frame, unsigned first,
		 char signature[SIGNATURE_SIZE])
{
	session_sign(&session, &frame[first + 1], signature);
	frame[first] = bytes_of(signature, SIGNATURE_SIZE);
}

static unsigned cut(struct bytes text, struct bytes *frame, unsigned most)
{
	unsigned n = 0;

	while (n < most) {
		const char *end = text.n ? memchr(text.p, FRAME_END, text.n)
					 : NULL;
		size_t len = end ? (size_t)(end - (const char *)text.p)
				 : text.n;

		frame[n++] = bytes_of(text.p, len);
		if (!end)
			break;
		text = bytes_of(end + 1, text.n - len - 1);
	}
	return n;
}

static void check_open(struct msg *m)
{
	unsigned i;

	assert(m->type && m->id);
	assert(json_object_is_type(m->header, json_type_object));
	if (m->content)	/* of a relayed one it is not read */
		assert(json_object_is_type(m->content, json_type_object));
	for (i = 0; i < msg_buffers(m) + 1; i++)
		(void)msg_buffer(m, i);
	assert(msg_buffer(m, msg_buffers(m)).n == 0);
}

/* Who answers finds what is read, and a parent for the answer. */
static void check_refused(const struct msg *m)
{
	struct buf text = BUF_INIT;
	struct json_object *parent;

	assert(m->why && !m->type == !m->id);
	if (!m->id)
		return;
	/* Bytes that are no UTF-8 are read as others read them: msg_json(). */
	buf_put_utf8(&text, msg_echo(m));
	parent = json_parse(buf_bytes(&text), NULL);
	assert(strcmp(json_get_str(parent, "msg_id", NULL), m->id) == 0);
	json_object_put(parent);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char signature[SIGNATURE_SIZE];
	struct buf text = BUF_INIT;
	struct bytes frame[16];
	struct msg m = {0};
	unsigned i, n, at;
	int err;

	if (size == 0)
		return 0;
	n = cut(bytes_of(data + 1, size - 1), frame, ARRAY_SIZE(frame));
	for (at = 0; at < n && !bytes_is(frame[at], MSG_DELIMITER); at++)
		;
	if (data[0] % 2 == 0 && at + 5 < n)
		sign(frame, at + 1, signature);
	for (i = 0; i < n; i++)
		msg_add_frame(&m, frame[i]);
	err = msg_open(&m, &session, data[0] % 4 < 2 ? MSG_READ : MSG_RELAY);
	if (err == 0) {
		check_open(&m);
		msg_describe(&m, &text);
	} else if (err == -EPROTO) {
		check_refused(&m);
	}
	buf_done(&text);
	msg_done(&m);
	return 0;
}
