#include "tests/unit/unit.h"
#include "wire/limits.h"
#include "wire/session.h"

static const struct bytes parts[4] = {
	{"{\"a\":1}", 7}, {"{}", 2}, {"{}", 2}, {"{\"b\":2}", 7}};

static struct session session(const char *key, size_t seen)
{
	struct session s;

	session_init(&s, NULL, bytes_str(key), seen);
	return s;
}

static void test_hmac_vectors(void **state)
{
	struct json_object *all = unit_fixture("wire/hmac_vectors.json");
	size_t i, k, n = json_object_array_length(all);

	(void)state;
	assert_true(n >= 6);
	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(all, i);
		struct json_object *b64 = json_get_array(v, "parts_b64");
		struct session s = session(json_get_str(v, "key", NULL), 0);
		struct bytes want = bytes_str(json_get_str(v, "signature",
							   NULL));
		struct buf b[4] = {BUF_INIT};
		struct bytes p[4];
		char got[SIGNATURE_SIZE];

		for (k = 0; k < 4; k++) {
			unit_base64(&b[k], json_object_get_string(
				json_object_array_get_idx(b64, k)));
			p[k] = buf_bytes(&b[k]);
		}
		assert_int_equal(s.sign, want.n > 0);
		if (s.sign) {
			session_sign(&s, p, got);
			assert_bytes(bytes_of(got, sizeof(got)), want);
		}
		assert_int_equal(session_check(&s, p, want), 0);
		for (k = 0; k < 4; k++)
			buf_done(&b[k]);
		session_done(&s);
	}
	json_object_put(all);
}

/* Every bit of the signature and of every signed byte counts. */
static void test_every_bit_counts(void **state)
{
	struct session s = session("key", 100);
	char sig[SIGNATURE_SIZE];
	size_t k, i;
	int bit;

	(void)state;
	session_sign(&s, parts, sig);
	for (i = 0; i < sizeof(sig); i++) {
		for (bit = 0; bit < 8; bit++) {
			char bad[SIGNATURE_SIZE];

			memcpy(bad, sig, sizeof(bad));
			bad[i] = (char)(bad[i] ^ 1 << bit);
			assert_int_equal(session_check(&s, parts,
					bytes_of(bad, sizeof(bad))),
					 -EBADMSG);
		}
	}
	for (k = 0; k < 4; k++) {
		for (i = 0; i < parts[k].n; i++) {
			struct bytes p[4];
			char *copy = xmemdup(parts[k].p, parts[k].n);

			memcpy(p, parts, sizeof(p));
			copy[i] ^= 1;
			p[k].p = copy;
			assert_int_equal(session_check(&s, p,
					bytes_of(sig, sizeof(sig))),
					 -EBADMSG);
			free(copy);
		}
	}
	assert_int_equal(s.count.forged, 64 * 8 + 7 + 2 + 2 + 7);
	assert_int_equal(session_check(&s, parts, bytes_of(sig, sizeof(sig))),
			 0);
	session_done(&s);
}

static void test_missing_short_and_long_signatures(void **state)
{
	struct session s = session("key", 100);
	char sig[SIGNATURE_SIZE + 1] = {0};

	(void)state;
	session_sign(&s, parts, sig);
	assert_int_equal(session_check(&s, parts, bytes_of(NULL, 0)),
			 -EBADMSG);
	assert_int_equal(s.count.unsigned_, 1);
	assert_int_equal(session_check(&s, parts, bytes_of(sig, 63)),
			 -EBADMSG);
	assert_int_equal(session_check(&s, parts, bytes_of(sig, 65)),
			 -EBADMSG);
	assert_int_equal(s.count.forged, 2);
	session_done(&s);
}

static void test_another_key(void **state)
{
	struct session s = session("key", 0), other = session("kez", 0);
	char sig[SIGNATURE_SIZE];

	(void)state;
	session_sign(&other, parts, sig);
	assert_int_equal(session_check(&s, parts, bytes_of(sig, sizeof(sig))),
			 -EBADMSG);
	session_done(&s);
	session_done(&other);
}

/* Signs and checks message number i. */
static int check_number(struct session *s, unsigned i)
{
	struct bytes p[4];
	char text[32], sig[SIGNATURE_SIZE];

	memcpy(p, parts, sizeof(p));
	snprintf(text, sizeof(text), "{\"n\":%u}", i);
	p[3] = bytes_str(text);
	session_sign(s, p, sig);
	assert_int_equal(session_check(s, p, bytes_of(sig, sizeof(sig))), 0);
	return session_once(s, bytes_of(sig, sizeof(sig)));
}

static void test_replays_are_refused(void **state)
{
	struct session s = session("key", LIMIT_REPLAY);
	unsigned i;

	(void)state;
	for (i = 0; i < 20000; i++)
		assert_int_equal(check_number(&s, i), 0);
	for (i = 0; i < 20000; i++)
		assert_int_equal(check_number(&s, i), -EALREADY);
	assert_int_equal(s.count.replayed, 20000);
	session_done(&s);
}

/* When the window is full the newest half is still known. */
static void test_the_window_is_limited(void **state)
{
	enum { ROOM = 1024 };
	struct session s = session("key", ROOM);
	unsigned i;

	(void)state;
	for (i = 0; i < 50 * ROOM + 1; i++)
		assert_int_equal(check_number(&s, i), 0);
	for (i = 50 * ROOM + 1 - ROOM / 2; i < 50 * ROOM + 1; i++)
		assert_int_equal(check_number(&s, i), -EALREADY);
	session_done(&s);
}

static void test_no_key_no_checks(void **state)
{
	struct session s = session("", 100);

	(void)state;
	assert_false(s.sign);
	assert_int_equal(session_check(&s, parts, bytes_of(NULL, 0)), 0);
	assert_int_equal(session_check(&s, parts, bytes_str("junk")), 0);
	assert_int_equal(session_once(&s, bytes_str("junk")), 0);
	assert_int_equal(session_once(&s, bytes_str("junk")), 0);
	session_done(&s);
}

static void test_ids(void **state)
{
	struct session s;
	char a[MSG_ID_SIZE], b[MSG_ID_SIZE];
	char want[MSG_ID_SIZE];

	(void)state;
	session_init(&s, "me", bytes_str("k"), 0);
	session_msg_id(&s, a);
	session_msg_id(&s, b);
	snprintf(want, sizeof(want), "me_%d_0", (int)getpid());
	assert_string_equal(a, want);
	assert_string_not_equal(a, b);
	session_done(&s);
	session_init(&s, NULL, bytes_str("k"), 0);
	assert_int_equal(strlen(s.id), 33);
	session_done(&s);
}

/* The name goes into JSON as it is. */
static void test_user_names_are_harmless(void **state)
{
	struct session s;

	(void)state;
	setenv("USER", "a\"b\\c\n\xff", 1);
	s = session("k", 0);
	assert_string_equal(s.username, "a_b_c__");
	session_done(&s);
	setenv("USER", "", 1);
	s = session("k", 0);
	assert_true(s.username[0] != '\0');
	session_done(&s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_hmac_vectors),
	cmocka_unit_test(test_every_bit_counts),
	cmocka_unit_test(test_missing_short_and_long_signatures),
	cmocka_unit_test(test_another_key),
	cmocka_unit_test(test_replays_are_refused),
	cmocka_unit_test(test_the_window_is_limited),
	cmocka_unit_test(test_no_key_no_checks),
	cmocka_unit_test(test_ids),
	cmocka_unit_test(test_user_names_are_harmless),
};

UNIT_MAIN(tests)
