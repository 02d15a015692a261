#include "wire/curve.h"

#include <sodium.h>
#include <zmq.h>

static void put_pair(const unsigned char secret[crypto_box_SECRETKEYBYTES],
		     char ret_public[CURVE_KEY], char ret_secret[CURVE_KEY])
{
	unsigned char public_key[crypto_box_PUBLICKEYBYTES];

	crypto_scalarmult_base(public_key, secret);
	zmq_z85_encode(ret_public, public_key, sizeof(public_key));
	zmq_z85_encode(ret_secret, secret, crypto_box_SECRETKEYBYTES);
}

void curve_new_pair(char ret_public[CURVE_KEY], char ret_secret[CURVE_KEY])
{
	unsigned char secret[crypto_box_SECRETKEYBYTES];

	randombytes_buf(secret, sizeof(secret));
	put_pair(secret, ret_public, ret_secret);
	sodium_memzero(secret, sizeof(secret));
}

void curve_member_pair(const char *server_public, struct bytes key,
		       char ret_public[CURVE_KEY], char ret_secret[CURVE_KEY])
{
	static const char what[] = "taskfs member 1";
	unsigned char secret[crypto_box_SECRETKEYBYTES];
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, sizeof(secret));
	crypto_generichash_update(&st, (const void *)what, sizeof(what));
	crypto_generichash_update(&st, (const void *)server_public,
				  strlen(server_public) + 1);
	if (key.n)
		crypto_generichash_update(&st, key.p, key.n);
	crypto_generichash_final(&st, secret, sizeof(secret));
	put_pair(secret, ret_public, ret_secret);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(&st, sizeof(st));
}

bool curve_is_pair(const char *public_key, const char *secret_key)
{
	char belongs[CURVE_KEY];

	return strlen(secret_key) == CURVE_KEY - 1 &&
	       zmq_curve_public(belongs, secret_key) == 0 &&
	       strcmp(belongs, public_key) == 0;
}
