#include "tests/unit/unit.h"
#include "wire/curve.h"

static void test_pairs(void **state)
{
	char public_key[CURVE_KEY], secret[CURVE_KEY], other[CURVE_KEY];

	(void)state;
	curve_new_pair(public_key, secret);
	assert_int_equal(strlen(public_key), CURVE_KEY - 1);
	assert_true(curve_is_pair(public_key, secret));
	curve_new_pair(other, secret);
	assert_string_not_equal(public_key, other);
	assert_false(curve_is_pair(public_key, secret));
	assert_false(curve_is_pair(public_key, "short"));
	assert_false(curve_is_pair("", secret));
}

/* As Python computes it: hashlib.blake2b(digest_size=32), zmq.curve_public(). */
static void test_member(void **state)
{
	const char *server = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
	char public_key[CURVE_KEY], secret[CURVE_KEY], other[CURVE_KEY];

	(void)state;
	curve_member_pair(server, bytes_str("the key"), public_key, secret);
	assert_string_equal(secret, "oUv)lh3r)$IG<!la]Tj4hRrS+4{gAMq<)Ly5GMv3");
	assert_string_equal(public_key, "WRxM005hOx1*5Y=O1XkbfydFEMKBsnKC%b7dWTaX");
	assert_true(curve_is_pair(public_key, secret));
	curve_member_pair(server, bytes_str(""), other, secret);
	assert_string_not_equal(other, public_key);
	assert_true(curve_is_pair(other, secret));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_pairs),
	cmocka_unit_test(test_member),
};

UNIT_MAIN(tests)
