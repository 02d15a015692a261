#include "wire/msg.h"
#include "base/buf.h"
#include "base/leaks.h"
#include "base/loop.h"
#include "base/parse.h"
#include "wire/limits.h"

/* In a header. Its members are strings: ipykernel takes hashes of all of them. */
#define DIGEST "taskfs_buffers"
#define DIGEST_SIZE 65 /* hex, and its NUL */

static zmq_msg_t *new_frame(struct msg *m)
{
	if (m->frames == m->room) {
		m->room = m->room ? m->room * 2 : 8;
		m->frame = xreallocarray(m->frame, m->room, sizeof(*m->frame));
	}
	return &m->frame[m->frames++];
}

static void keep_frames(struct msg *m, unsigned n)
{
	unsigned i;

	for (i = n; i < m->frames; i++)
		zmq_msg_close(&m->frame[i]);
	if (n < m->frames)
		m->frames = n;
}

static void drop_frames(struct msg *m)
{
	keep_frames(m, 0);
}

void msg_done(struct msg *m)
{
	drop_frames(m);
	free(m->frame);
	json_object_put(m->header);
	json_object_put(m->parent);
	json_object_put(m->metadata);
	json_object_put(m->content);
	*m = (struct msg){0};
}

void msg_shed(struct msg *m)
{
	keep_frames(m, m->idents + 1 + MSG_HEADER + 1);
	json_object_put(m->content);
	m->content = NULL;
}

/* The rest of a message that is too long. */
static void skip_rest(void *socket, zmq_msg_t *f)
{
	while (zmq_msg_more(f))
		if (zmq_msg_recv(f, socket, ZMQ_DONTWAIT) < 0)
			break;
	zmq_msg_close(f);
}

int msg_recv(struct msg *m, void *socket)
{
	assert(!m->frames);
	for (;;) {
		zmq_msg_t f;

		zmq_msg_init(&f);
		if (zmq_msg_recv(&f, socket, ZMQ_DONTWAIT) < 0) {
			int err = -errno;

			zmq_msg_close(&f);
			drop_frames(m);
			if (err == -EAGAIN)
				loop_socket_empty(socket);
			return err;
		}
		if (m->frames == LIMIT_FRAMES) {
			skip_rest(socket, &f);
			drop_frames(m);
			return -EMSGSIZE;
		}
		*new_frame(m) = f;
		if (!zmq_msg_more(&f))
			return 0;
	}
}

void msg_drop_frame(struct msg *m, unsigned i)
{
	zmq_msg_close(&m->frame[i]);
	m->frames--;
	memmove(m->frame + i, m->frame + i + 1,
		(m->frames - i) * sizeof(*m->frame));
}

void msg_add_frame(struct msg *m, struct bytes b)
{
	zmq_msg_t *f = new_frame(m);
	int err = zmq_msg_init_size(f, b.n);

	assert(!err);
	(void)err;
	if (b.n)
		memcpy(zmq_msg_data(f), b.p, b.n);
}

/* A frame up to here is copied: a share would keep what it came in with. */
#define SHARE_FROM (4 * KIB)

static void share_frame(struct msg *to, const struct msg *from, unsigned i)
{
	zmq_msg_t *f;

	if (msg_frame(from, i).n < SHARE_FROM) {
		msg_add_frame(to, msg_frame(from, i));
		return;
	}
	f = new_frame(to);
	zmq_msg_init(f);
	zmq_msg_copy(f, &from->frame[i]);
}

void msg_copy(struct msg *to, const struct msg *from)
{
	unsigned i;

	assert(!to->frames);
	for (i = 0; i < from->frames; i++)
		share_frame(to, from, i);
	to->idents = from->idents;
}

void msg_add_buffers(struct msg *to, const struct msg *from)
{
	unsigned i;

	for (i = from->idents + 1 + MSG_BUFFERS; i < from->frames; i++)
		share_frame(to, from, i);
}

void msg_make(struct msg *m, const struct session *s,
	      const struct bytes parts[4])
{
	char signature[SIGNATURE_SIZE];
	int i;

	assert(!m->frames);
	m->idents = 0;
	if (s->sign)
		session_sign(s, parts, signature);
	msg_add_frame(m, bytes_str(MSG_DELIMITER));
	msg_add_frame(m, bytes_of(signature, s->sign ? SIGNATURE_SIZE : 0));
	for (i = 0; i < 4; i++)
		msg_add_frame(m, parts[i]);
}

struct bytes msg_frame(const struct msg *m, unsigned i)
{
	if (i >= m->frames)
		return bytes_of(NULL, 0);
	return bytes_of(zmq_msg_data(&m->frame[i]),
			zmq_msg_size(&m->frame[i]));
}

struct bytes msg_part(const struct msg *m, enum msg_part part)
{
	return msg_frame(m, m->idents + 1 + (unsigned)part);
}

struct bytes msg_echo(const struct msg *m)
{
	return m->header_bad && m->header ? json_bytes(m->header)
					  : msg_part(m, MSG_HEADER);
}

unsigned msg_buffers(const struct msg *m)
{
	unsigned first = m->idents + 1 + MSG_BUFFERS;

	return m->frames > first ? m->frames - first : 0;
}

struct bytes msg_buffer(const struct msg *m, unsigned i)
{
	if (i >= msg_buffers(m))
		return bytes_of(NULL, 0);
	return msg_frame(m, m->idents + 1 + MSG_BUFFERS + i);
}

bool msg_named_buffer(const struct msg *m, struct json_object *obj,
		      const char *key, struct bytes *ret_b)
{
	int64_t i;

	if (!json_get_int(obj, key, &i) || i < 0 || i >= msg_buffers(m))
		return false;
	*ret_b = msg_buffer(m, (unsigned)i);
	return true;
}

static bool find_delimiter(struct msg *m)
{
	unsigned i;

	for (i = 0; i < m->frames; i++) {
		if (bytes_is(msg_frame(m, i), MSG_DELIMITER)) {
			m->idents = i;
			return m->frames - i - 1 >= MSG_BUFFERS;
		}
	}
	return false;
}

static struct json_object *read_json(const struct msg *m, enum msg_part part,
				     const char **ret_why)
{
	struct bytes text = msg_part(m, part);
	struct json_object *o = json_parse(text, ret_why);
	struct buf repaired = BUF_INIT;

	if (!o && !utf8_valid(text)) {
		buf_put_utf8(&repaired, text);
		o = json_parse(buf_bytes(&repaired), ret_why);
		buf_done(&repaired);
	}
	return o;
}

struct json_object *msg_json(const struct msg *m, enum msg_part part)
{
	return read_json(m, part, NULL);
}

struct json_object *msg_object(const struct msg *m, enum msg_part part,
			       const char **ret_why)
{
	struct json_object *o = read_json(m, part, ret_why);

	if (o && !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
		if (ret_why)
			*ret_why = "it is no object";
	}
	return o;
}

/* A string without a zero in it, or NULL. */
static const char *header_text(const struct msg *m, const char *key)
{
	size_t n;
	const char *s = json_get_str(m->header, key, &n);

	return s && strlen(s) == n ? s : NULL;
}

/* What is looked into of a header that is refused; as deep as Python goes. */
#define HEADER_MOST (64 * KIB)
#define HEADER_DEPTH 1000

/*
 * Who sent what is refused can read it, and waits for an answer to that msg_id: of a
 * header with NaN in it, or too deep, that and the msg_type are taken.
 */
static struct json_object *header_names(struct bytes text)
{
	static const char *const keys[] = {"msg_id", "msg_type"};
	struct json_tokener *tok = json_tokener_new_ex(HEADER_DEPTH);
	struct json_object *all = NULL, *names = json_object_new_object();
	size_t i, n;

	if (tok && text.n <= HEADER_MOST)
		all = json_tokener_parse_ex(tok, text.p, (int)text.n);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *s = json_get_str(all, keys[i], &n);

		if (s)
			json_add_bytes(names, keys[i], bytes_of(s, n));
	}
	json_object_put(all);
	if (tok)
		json_tokener_free(tok);
	return names;
}

/* Also after a mistake the rest is read: who answers needs it. */
static void parse_parts(struct msg *m, enum msg_how how)
{
	struct json_object **to[] = {&m->header, &m->parent, &m->metadata,
				     &m->content};
	size_t i, n = how == MSG_READ ? ARRAY_SIZE(to) : ARRAY_SIZE(to) - 1;
	const char *why;

	for (i = 0; i < n; i++) {
		*to[i] = msg_object(m, (enum msg_part)(MSG_HEADER + i), &why);
		if (!*to[i] && !m->why)
			m->why = why;
	}
	m->header_bad = !m->header;
	if (m->header_bad)
		m->header = header_names(msg_part(m, MSG_HEADER));
	m->type = header_text(m, "msg_type");
	m->id = header_text(m, "msg_id");
	if (m->type && m->id)
		return;
	m->type = m->id = NULL;
	if (!m->why)
		m->why = "its header has no msg_type or msg_id";
}

static void digest_add(crypto_generichash_state *st, struct bytes b)
{
	unsigned char size[8];
	int i;

	for (i = 0; i < 8; i++)
		size[i] = (unsigned char)((uint64_t)b.n >> (8 * i));
	crypto_generichash_update(st, size, sizeof(size));
	if (b.n)
		crypto_generichash_update(st, b.p, b.n);
}

static void digest_end(crypto_generichash_state *st, char hex[DIGEST_SIZE])
{
	unsigned char d[(DIGEST_SIZE - 1) / 2];

	crypto_generichash_final(st, d, sizeof(d));
	sodium_bin2hex(hex, DIGEST_SIZE, d, sizeof(d));
}

static void digest_begin(crypto_generichash_state *st)
{
	crypto_generichash_init(st, NULL, 0, (DIGEST_SIZE - 1) / 2);
}

/* The buffers are those that the signed header speaks of, if it does. */
static bool buffers_fit(const struct msg *m)
{
	const char *want = json_get_str(m->header, DIGEST, NULL);
	crypto_generichash_state st;
	char found[DIGEST_SIZE];
	unsigned i;

	if (!want)
		return true;
	digest_begin(&st);
	for (i = 0; i < msg_buffers(m); i++)
		digest_add(&st, msg_buffer(m, i));
	digest_end(&st, found);
	return strcmp(found, want) == 0;
}

int msg_open(struct msg *m, struct session *s, enum msg_how how)
{
	struct bytes parts[4];
	int i, err;

	if (!find_delimiter(m)) {
		s->count.malformed++;
		return -EBADMSG;
	}
	for (i = 0; i < 4; i++)
		parts[i] = msg_part(m, (enum msg_part)(MSG_HEADER + i));
	err = session_check(s, parts, msg_part(m, MSG_SIGNATURE));
	if (err)
		return err;
	parse_parts(m, how);
	if (!m->why && !buffers_fit(m)) {
		s->count.forged++;
		return -EBADMSG;
	}
	if (how != MSG_RELAY) {
		err = session_once(s, msg_part(m, MSG_SIGNATURE));
		if (err)
			return err;
	}
	if (m->why) {
		s->count.unreadable++;
		return -EPROTO;
	}
	s->count.received++;
	return 0;
}

/*
 * libzmq 4.3 loses the frames that it was given of a message when its connection
 * breaks before the last one, on a socket with ZMQ_IMMEDIATE (process_hiccup() of
 * its pipe.cpp). The copies are its own: the leak sanitizer must not count them.
 */
static int send_frame(void *socket, struct bytes b, bool more)
{
	int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0), err;

	COUNT_LEAKS(disable);
	do
		err = zmq_send(socket, b.n ? b.p : "", b.n, flags) < 0 ? -errno
								       : 0;
	while (err == -EINTR);
	COUNT_LEAKS(enable);
	return err;
}

static void put_digest(struct buf *b, const struct msg_out *out)
{
	crypto_generichash_state st;
	char hex[DIGEST_SIZE];
	unsigned i;

	digest_begin(&st);
	for (i = 0; i < out->nbuffers; i++)
		digest_add(&st, out->buffers[i]);
	digest_end(&st, hex);
	buf_printf(b, ",\"" DIGEST "\":\"%s\"", hex);
}

static void put_plain(struct buf *b, const char *before, const char *text)
{
	buf_puts(b, before);
	buf_puts(b, text);
}

static void put_header(struct buf *b, struct session *s,
		       const struct msg_out *out)
{
	char id[MSG_ID_SIZE], date[DATE_SIZE];

	if (!out->msg_id)
		session_msg_id(s, id);
	date_format(now_usec(), date);
	put_plain(b, "{\"msg_id\":\"", out->msg_id ? out->msg_id : id);
	put_plain(b, "\",\"msg_type\":\"", out->type);
	put_plain(b, "\",\"username\":\"", s->username);
	put_plain(b, "\",\"session\":\"", s->id);
	put_plain(b, "\",\"date\":\"", date);
	buf_puts(b, "\",\"version\":\"" MSG_VERSION "\"");
	if (out->nbuffers && s->sign && !s->encrypted)
		put_digest(b, out);
	buf_putc(b, '}');
}

static struct bytes text_of(struct bytes text, struct json_object *o)
{
	if (text.n)
		return text;
	return o ? json_bytes(o) : bytes_str("{}");
}

int msg_send(void *socket, struct session *s, const struct msg_out *out)
{
	char signature[SIGNATURE_SIZE];
	struct buf header = BUF_INIT;
	struct bytes parts[4];
	unsigned i;
	int err = 0;

	loop_socket_used(socket);
	put_header(&header, s, out);
	parts[0] = buf_bytes(&header);
	parts[1] = out->parent.n ? out->parent : bytes_str("{}");
	parts[2] = text_of(out->metadata_text, out->metadata);
	parts[3] = text_of(out->content_text, out->content);
	if (s->sign)
		session_sign(s, parts, signature);
	for (i = 0; i < out->nidents && !err; i++)
		err = send_frame(socket, out->idents[i], true);
	if (!err)
		err = send_frame(socket, bytes_str(MSG_DELIMITER), true);
	if (!err)
		err = send_frame(socket,
				 bytes_of(signature,
					  s->sign ? SIGNATURE_SIZE : 0),
				 true);
	for (i = 0; i < 4 && !err; i++)
		err = send_frame(socket, parts[i], i < 3 || out->nbuffers);
	for (i = 0; i < out->nbuffers && !err; i++)
		err = send_frame(socket, out->buffers[i],
				 i + 1 < out->nbuffers);
	buf_done(&header);
	return err;
}

int msg_forward(void *socket, struct msg *m, const struct bytes *idents,
		unsigned nidents)
{
	unsigned i;
	int err = 0;

	loop_socket_used(socket);
	for (i = 0; i < nidents && !err; i++)
		err = send_frame(socket, idents[i], true);
	for (i = m->idents; i < m->frames && !err; i++) {
		int flags = ZMQ_DONTWAIT |
			    (i + 1 < m->frames ? ZMQ_SNDMORE : 0);

		if (zmq_msg_send(&m->frame[i], socket, flags) < 0)
			err = -errno;
	}
	return err;
}

void msg_describe(const struct msg *m, struct buf *out)
{
	if (m->type) {
		buf_put_escaped(out, bytes_str(m->type), 64);
		buf_putc(out, ' ');
		buf_put_escaped(out, bytes_str(m->id), 96);
	} else {
		buf_printf(out, "%u frames", m->frames);
	}
}
