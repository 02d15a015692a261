/*
 * msg.h: one message of the ipyparallel wire: idents, delimiter, signature,
 * four JSON frames, buffers (doc/PROTOCOL.md, "Messages").
 *
 * Receiving: msg_recv() takes the frames off a socket, msg_open() checks and
 * parses them, msg_done() frees everything. A struct msg of zeroes is empty.
 * What the getters return lives as long as the message.
 *
 * Sending: fill a struct msg_out, msg_send(). Forwarding without a change:
 * msg_forward(), which keeps the signed bytes as they are.
 */
#ifndef TASKFS_MSG_H
#define TASKFS_MSG_H

#include "wire/json.h"
#include "wire/session.h"

#include <zmq.h>

#define MSG_DELIMITER "<IDS|MSG>"
#define MSG_VERSION "5.3"

/* The frames behind the delimiter. */
enum msg_part {
	MSG_SIGNATURE,
	MSG_HEADER,
	MSG_PARENT,
	MSG_METADATA,
	MSG_CONTENT,
	MSG_BUFFERS,
};

struct msg {
	zmq_msg_t *frame;
	unsigned frames, room;
	unsigned idents;		/* frames before the delimiter */
	struct json_object *header, *parent, *metadata, *content;
	const char *type, *id;		/* of the header; type is never NULL
					   after msg_open() */
	const char *why;		/* after -EPROTO: what is wrong; static */
	bool by_line;			/* the receiver's: it came by a line
					   (wire/line.h) */
	bool header_bad;		/* then: the header has only those two */
};

/* -EAGAIN: nothing there. -EMSGSIZE: too many frames, thrown away. */
int msg_recv(struct msg *m, void *socket) must_check;

/*
 * Takes a message apart that msg_recv() brought (or that was filled in with
 * msg_add_frame()). Finds the delimiter, checks the signature, parses the
 * JSON: all four must be objects, the header with strings msg_id and
 * msg_type. -EBADMSG: no well-formed message, or not signed by the key.
 * -EALREADY: a replay. -EPROTO: signed, but its JSON is not read, why says what
 * is wrong with it; whoever sent it waits for an answer, perhaps. What could be
 * read is there (type and id are NULL when there is nobody to answer). The session
 * counts them. Buffers are no part of what ipyparallel signs; when the header has
 * their digest, as of messages of ours, they must be those (doc/PROTOCOL.md,
 * "Buffers").
 *
 * MSG_RELAY: for frames that will be forwarded: replays are the receiver's
 * business, content is not parsed (stays NULL). MSG_RELAY_ONCE: but replays are
 * refused here.
 */
enum msg_how { MSG_READ, MSG_RELAY, MSG_RELAY_ONCE };
int msg_open(struct msg *m, struct session *s, enum msg_how how) must_check;

/* Frees the frames and the JSON; m is empty again. */
void msg_done(struct msg *m);

/*
 * Frees what is big: the content, and all frames behind the header. Idents,
 * header and metadata stay.
 */
void msg_shed(struct msg *m);

/* Takes a frame out, before msg_open(). */
void msg_drop_frame(struct msg *m, unsigned i);
/* Appends a frame, copied. */
void msg_add_frame(struct msg *m, struct bytes b);

/*
 * The frames of `from` once more, in `to`, which is empty; big ones are shared,
 * not copied. What is parsed stays with `from`.
 */
void msg_copy(struct msg *to, const struct msg *from);
/* Appends the buffers of `from`, shared in the same way. */
void msg_add_buffers(struct msg *to, const struct msg *from);
/*
 * A message without idents and buffers, signed, in m, which is empty. parts:
 * header, parent header, metadata, content. For msg_open() or msg_forward().
 */
void msg_make(struct msg *m, const struct session *s,
	      const struct bytes parts[4]);

struct bytes msg_frame(const struct msg *m, unsigned i);
struct bytes msg_part(const struct msg *m, enum msg_part part);
/*
 * A part, parsed; NULL when it is no JSON. A byte that is no UTF-8 is read as
 * U+FFFD, as ipyparallel's clients read it (Session.unserialize): Python packs
 * a lone surrogate, of a file's name, say, as such a byte.
 */
struct json_object *msg_json(const struct msg *m, enum msg_part part);
/* The same of an object; NULL says why in *ret_why (may be NULL). */
struct json_object *msg_object(const struct msg *m, enum msg_part part,
			       const char **ret_why);
static inline struct bytes msg_ident(const struct msg *m, unsigned i)
{
	return i < m->idents ? msg_frame(m, i) : bytes_of(NULL, 0);
}
/* The header as the parent of an answer. */
struct bytes msg_echo(const struct msg *m);
unsigned msg_buffers(const struct msg *m);
/* Empty when there is no such buffer. */
struct bytes msg_buffer(const struct msg *m, unsigned i);
/* The buffer whose number is member `key` of obj; false: none of that. */
bool msg_named_buffer(const struct msg *m, struct json_object *obj,
		      const char *key, struct bytes *ret_b);

/* A message to be sent. Everything is borrowed; NULL is {} (or none). */
struct msg_out {
	const char *type;
	const char *msg_id;		/* NULL: the session's next */
	struct bytes parent;		/* raw header of what is answered */
	struct json_object *metadata;
	struct json_object *content;
	struct bytes metadata_text;	/* instead of the object: its JSON */
	struct bytes content_text;
	struct bytes *buffers;
	unsigned nbuffers;
	const struct bytes *idents;
	unsigned nidents;
};

/*
 * Sends to a socket, without waiting: 0, -EAGAIN (no room; nothing was sent),
 * -errno. Everything is copied. Where nothing is encrypted (CURVE knows when a
 * frame was changed, and costs what a digest costs) the header has the digest of the
 * buffers: BLAKE2b, 32 bytes as hex, of each one's size (8 bytes, the lowest first)
 * and bytes.
 */
int msg_send(void *socket, struct session *s, const struct msg_out *out)
	must_check;

/*
 * Sends the frames of m behind other idents; the frames are moved, m has none
 * of them after a success (but what is parsed stays until msg_done()).
 */
int msg_forward(void *socket, struct msg *m, const struct bytes *idents,
		unsigned nidents) must_check;

/* A short reading of a message for -d logs: "type id" into out. */
void msg_describe(const struct msg *m, struct buf *out);

#endif
