#include "tests/unit/unit.h"
#include "base/file.h"
#include "base/parse.h"
#include "wire/messages.h"

static unsigned rows_named(struct bytes name)
{
	const struct message_type *t;
	unsigned n = 0;

	for (t = message_types; t->name; t++)
		n += bytes_is(name, t->name);
	return n;
}

static void test_rows_are_whole(void **state)
{
	const struct message_type *t;

	(void)state;
	for (t = message_types; t->name; t++) {
		assert_int_equal(rows_named(bytes_str(t->name)), 1);
		assert_true(t->from && *t->from && t->to && *t->to);
		assert_true(t->channel && *t->channel);
		assert_true(t->help && *t->help);
		assert_non_null(t->content);
		assert_true(utf8_valid(bytes_str(t->help)));
	}
}

/* ipyparallel's come first, then ours. */
static void test_extensions_are_last(void **state)
{
	const struct message_type *t;
	bool ours = false;

	(void)state;
	for (t = message_types; t->name; t++) {
		assert_true(!ours || t->extension);
		ours = t->extension;
	}
	assert_true(ours);
}

/* Every MSG_ name of messages.h has its row. */
static void test_every_name_has_a_row(void **state)
{
	struct buf text = BUF_INIT;
	struct bytes rest, line;
	unsigned names = 0, rows = 0;

	(void)state;
	assert_int_equal(file_read(SOURCE_DIR "/lib/wire/messages.h", 1 << 20,
				   &text),
			 0);
	rest = buf_bytes(&text);
	while (parse_line(&rest, &line)) {
		struct bytes word = parse_word(&line), value;

		if (!bytes_is(word, "#define"))
			continue;
		word = parse_word(&line);
		if (word.n < 4 || memcmp(word.p, "MSG_", 4) != 0)
			continue;
		value = parse_word(&line);
		assert_true(value.n > 2);
		value = bytes_of((const char *)value.p + 1, value.n - 2);
		if (rows_named(value) != 1)
			fail_msg("%.*s has no row", (int)word.n,
				 (const char *)word.p);
		names++;
	}
	while (message_types[rows].name)
		rows++;
	assert_int_equal(names, rows);
	assert_true(rows > 30);
	buf_done(&text);
}

/* A program is told to nobody but the peers the channel has. */
static void test_peers(void **state)
{
	static const char *const peers[] = {
		"engine", "controller", "client", "controller, engine",
		"client, controller",
	};
	const struct message_type *t;
	size_t i;

	(void)state;
	for (t = message_types; t->name; t++) {
		bool from = false, to = false;

		for (i = 0; i < ARRAY_SIZE(peers); i++) {
			from |= strcmp(t->from, peers[i]) == 0;
			to |= strcmp(t->to, peers[i]) == 0;
		}
		assert_true(from && to);
	}
}

static void test_names_of_requests(void **state)
{
	static const char *const none[] = {
		"", "_request", "apply_reply", "apply_requests", "request",
	};
	size_t i;

	(void)state;
	assert_true(bytes_is(message_request_name("kernel_info_request"),
			     "kernel_info"));
	assert_true(bytes_is(message_request_name("a_request_request"),
			     "a_request"));
	for (i = 0; i < ARRAY_SIZE(none); i++)
		assert_int_equal(message_request_name(none[i]).n, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_names_of_requests),
	cmocka_unit_test(test_rows_are_whole),
	cmocka_unit_test(test_extensions_are_last),
	cmocka_unit_test(test_every_name_has_a_row),
	cmocka_unit_test(test_peers),
};

UNIT_MAIN(tests)
