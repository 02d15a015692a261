#include "tests/unit/unit.h"
#include "wire/hmac.h"

/* RFC 4231, test case 2. */
static void test_known(void **state)
{
	static const char want[] = "5bdcc146bf60754e6a042426089575c7"
				   "5a003f089d2739839dec58b964ec3843";
	struct bytes parts[2] = {bytes_str("what do ya want "),
				 bytes_str("for nothing?")};
	unsigned char d[HMAC_SIZE];
	char hex[2 * sizeof(d) + 1];
	struct hmac h;

	(void)state;
	hmac_init(&h, bytes_str("Jefe"));
	hmac_of(&h, parts, 2, d);
	sodium_bin2hex(hex, sizeof(hex), d, sizeof(d));
	assert_string_equal(hex, want);
}

/* As libsodium has it: every length around the blocks, cut at every place. */
static void test_lengths(void **state)
{
	unsigned char text[300], d[HMAC_SIZE], want[HMAC_SIZE];
	size_t i, n, cut;
	struct hmac h, slow;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * 7 + 3);
	hmac_init(&h, bytes_of(text, 36));
	slow = h;
	slow.fast = false;
	for (n = 0; n <= sizeof(text); n++) {
		struct bytes all = bytes_of(text, n);

		hmac_of(&slow, &all, 1, want);
		for (cut = 0; cut <= n; cut++) {
			struct bytes parts[3] = {
				bytes_of(text, cut), bytes_of(NULL, 0),
				bytes_of(text + cut, n - cut)};

			hmac_of(&h, parts, 3, d);
			assert_memory_equal(d, want, sizeof(d));
		}
	}
}

static void test_keys(void **state)
{
	unsigned char key[130], d[HMAC_SIZE], want[HMAC_SIZE];
	struct bytes text = bytes_str("text");
	struct hmac h;
	size_t n;

	(void)state;
	memset(key, 'k', sizeof(key));
	for (n = 0; n <= sizeof(key); n++) {
		crypto_auth_hmacsha256_state st;

		crypto_auth_hmacsha256_init(&st, key, n);
		crypto_auth_hmacsha256_update(&st, text.p, text.n);
		crypto_auth_hmacsha256_final(&st, want);
		hmac_init(&h, bytes_of(key, n));
		hmac_of(&h, &text, 1, d);
		assert_memory_equal(d, want, sizeof(d));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_known),
	cmocka_unit_test(test_lengths),
	cmocka_unit_test(test_keys),
};

UNIT_MAIN(tests)
