/*
 * hmac.h: HMAC-SHA256 (RFC 2104) with one key, for each message that is sent and
 * received: by the processor's own instructions where it has them (x86, "sha_ni"), by
 * libsodium where not.
 *
 * Owned by the caller, who clears it (sodium_memzero()): the key can be told from it.
 */
#ifndef TASKFS_HMAC_H
#define TASKFS_HMAC_H

#include "base/base.h"

#include <sodium.h>

#define HMAC_SIZE 32

struct hmac {
	crypto_auth_hmacsha256_state sodium;
	bool fast;		/* by the states below, else by the one above */
	uint32_t inner[8], outer[8];
};

void hmac_init(struct hmac *h, struct bytes key);
/* Of the n parts, one behind the other. */
void hmac_of(const struct hmac *h, const struct bytes *parts, size_t n,
	     unsigned char digest[HMAC_SIZE]);

#endif
