/*
 * curve.h: keys of CURVE, which encrypts what goes over a socket and lets only
 * those speak who have keys (ZeroMQ RFC 26, CurveZMQ). All keys are Z85 text.
 *
 * A controller has one pair, and gives its public key to those who may come, in
 * the connection files. A peer has a pair of its own, by which it is known:
 *
 *	of ours		made from the connection file, the same for all who have
 *			it: curve_member_pair(). It is the proof that its owner
 *			has the key of the signatures too.
 *	ipyparallel's	a new one with each start
 */
#ifndef TASKFS_CURVE_H
#define TASKFS_CURVE_H

#include "base/base.h"

#define CURVE_KEY 41 /* Z85 and its NUL */

struct curve {
	bool on;
	char server_public[CURVE_KEY];
	char server_secret[CURVE_KEY];	/* the controller's only */
	char public_key[CURVE_KEY];	/* a peer's own pair */
	char secret_key[CURVE_KEY];
};

/* A new pair. libzmq's own function would take away the random numbers of the
 * sockets of this process (before 4.3.5). */
void curve_new_pair(char ret_public[CURVE_KEY], char ret_secret[CURVE_KEY]);

/*
 * The pair of who has a connection file: its secret key is the BLAKE2b hash (32
 * bytes) of the text "taskfs member 1", server_public and key, with a NUL behind
 * the first and the second. key may be empty.
 */
void curve_member_pair(const char *server_public, struct bytes key,
		       char ret_public[CURVE_KEY], char ret_secret[CURVE_KEY]);

/* Whether public_key belongs to secret_key, and both are keys. */
bool curve_is_pair(const char *public_key, const char *secret_key);

#endif
