/* What a ssh:// may say, and what is taken for an answer of the other end. */
#include "tests/unit/unit.h"
#include "ssh/remote.h"
#include "ssh/url.h"

static void test_urls(void **state)
{
	static const struct {
		const char *text, *user, *host, *source;
		unsigned port;
	} row[] = {
		{"ssh://login/lab", NULL, "login", "lab", 0},
		{"ssh://login", NULL, "login", "default", 0},
		{"ssh://login/", NULL, "login", "default", 0},
		{"ssh://me@login:2222/lab", "me", "login", "lab", 2222},
		{"ssh://me@work.org@login/lab", "me@work.org", "login", "lab", 0},
		{"ssh://login//srv/lab", NULL, "login", "/srv/lab", 0},
		{"ssh://login/~/lab dir's", NULL, "login", "~/lab dir's", 0},
		{"ssh://[fe80::1%eth0]:22/lab", NULL, "fe80::1%eth0", "lab", 22},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct buf why = BUF_INIT;
		struct ssh_url u;

		assert_int_equal(ssh_url_parse(&u, row[i].text, &why), 0);
		assert_string_equal(u.host, row[i].host);
		assert_string_equal(u.source, row[i].source);
		assert_int_equal(u.port, row[i].port);
		if (row[i].user)
			assert_string_equal(u.user, row[i].user);
		else
			assert_null(u.user);
		ssh_url_done(&u);
		buf_done(&why);
	}
}

static void test_refuses_urls(void **state)
{
	static const char *const row[] = {
		"ssh:///lab", "ssh://-oProxyCommand=id/lab", "ssh://@login/lab",
		"ssh://-l@login/lab", "ssh://a b@login/lab",
		"ssh://login:0/lab", "ssh://login:65536/lab", "ssh://login:/lab",
		"ssh://login:22x/lab", "ssh://fe80::1/lab", "ssh://[fe80::1/lab",
		"ssh://[fe80::1]x/lab", "ssh://[-x]/lab", "ssh://lo$(id)gin/lab",
		"ssh://login/a\nb/", "ssh://login/a~b", "ssh://login/-x",
		"http://login/lab",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct buf why = BUF_INIT;
		struct ssh_url u;

		assert_int_equal(ssh_url_parse(&u, row[i], &why), -EINVAL);
		assert_true(why.n > 0);
		ssh_url_done(&u);
		buf_done(&why);
	}
}

static void test_answers(void **state)
{
	static const char said[] = "Welcome!\ntaskfs-x file\nno\n\nm file\n{\n}"
				   "\n\nm end\n\nm none\nnowhere\nm end\n\nm "
				   "file\n";
	struct buf in = BUF_INIT, text = BUF_INIT;
	size_t i;

	(void)state;
	/* However little comes at a time. */
	for (i = 0; i < sizeof(said) - 1; i++) {
		enum remote_says says;

		buf_putc(&in, said[i]);
		says = remote_answer(&in, "m", &text);
		if (says == REMOTE_FILE)
			assert_text(buf_bytes(&text), "{\n}\n");
		else if (says == REMOTE_NONE)
			assert_text(buf_bytes(&text), "nowhere");
		else
			continue;
		assert_int_equal(in.n, 0);
	}
	assert_text(buf_bytes(&in), "\nm file\n");
	buf_done(&in);
	buf_done(&text);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_urls),
	cmocka_unit_test(test_refuses_urls),
	cmocka_unit_test(test_answers),
};

UNIT_MAIN(tests)
