/*
 * session.h: who signs, and what is believed.
 *
 * One struct session per process, shared by all its sockets: the key of the
 * cluster, the session id this process speaks under, its message counter, the
 * signatures it has seen (a signed message is good once), and the count of
 * what was dropped.
 *
 * The signature is hex(HMAC-SHA256(key, header + parent + metadata + content))
 * over the raw bytes; an empty key means no signing (only under CURVE).
 */
#ifndef TASKFS_SESSION_H
#define TASKFS_SESSION_H

#include "base/base.h"
#include "wire/ids.h"

#include <sodium.h>

#define SIGNATURE_SIZE 64 /* hex digits */

struct session {
	char id[ID_SIZE];
	char username[64];
	bool sign;
	bool encrypted;		/* by CURVE; its owner says so */
	crypto_auth_hmacsha256_state keyed;
	int pid;		/* who speaks */
	uint64_t counter;
	struct replay *replay;
	struct {
		uint64_t received;	/* well-formed and believed */
		uint64_t malformed;	/* no message */
		uint64_t unreadable;	/* signed, and JSON that is not read */
		uint64_t unsigned_;	/* a signature is missing */
		uint64_t forged;	/* a signature is wrong */
		uint64_t replayed;	/* seen before */
	} count;
};

/*
 * id: the session id to speak under, NULL for a new one. key: copied into the
 * HMAC state, empty for none. seen: signatures to remember (0: no protection
 * against replays; at most LIMIT_REPLAY).
 */
void session_init(struct session *s, const char *id, struct bytes key,
		  size_t seen);
void session_done(struct session *s);

/* parts: header, parent header, metadata, content. */
void session_sign(const struct session *s, const struct bytes parts[4],
		  char signature[SIGNATURE_SIZE]);
/* 0, -EBADMSG (missing or wrong). Counts what it refuses. */
int session_check(struct session *s, const struct bytes parts[4],
		  struct bytes signature) must_check;
/*
 * A message is good once: 0, -EALREADY (seen before). Of one that
 * session_check() has found right. Counts what it refuses.
 */
int session_once(struct session *s, struct bytes signature) must_check;

/* The next message id: "<session>_<pid>_<counter>". */
#define MSG_ID_SIZE 80
void session_msg_id(struct session *s, char id[MSG_ID_SIZE]);

#endif
