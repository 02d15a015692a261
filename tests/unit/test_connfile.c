#include "tests/unit/unit.h"
#include "base/file.h"
#include "wire/connfile.h"
#include "wire/limits.h"

#include <sys/stat.h>

/* As the stock controller writes them. */
static const char client_text[] =
	"{\n  \"ssh\": \"\",\n  \"interface\": \"tcp://127.0.0.1\",\n"
	"  \"registration\": 40001,\n  \"control\": 40002,\n"
	"  \"mux\": 40003,\n  \"task\": 40004,\n  \"iopub\": 40005,\n"
	"  \"notification\": 40006,\n  \"broadcast\": 40007,\n"
	"  \"task_scheme\": \"leastload\",\n"
	"  \"key\": \"ffbca879-dcd09b65cbd3b0832c5ef0d1\",\n"
	"  \"curve_serverkey\": null,\n  \"location\": \"myhost\",\n"
	"  \"pack\": \"json\",\n  \"unpack\": \"json\",\n"
	"  \"signature_scheme\": \"hmac-sha256\"\n}";

static const char engine_text[] =
	"{\"ssh\": \"\", \"interface\": \"tcp://127.0.0.1\", "
	"\"registration\": 40001, \"control\": 41002, \"mux\": 41003, "
	"\"task\": 41004, \"iopub\": 41005, \"hb_ping\": 41006, "
	"\"hb_pong\": 41007, \"broadcast\": [41008, 41009], "
	"\"key\": \"k\", \"curve_serverkey\": null, \"location\": \"myhost\", "
	"\"pack\": \"json\", \"unpack\": \"json\", "
	"\"signature_scheme\": \"hmac-sha256\"}";

static void test_client_file(void **state)
{
	struct connfile c;
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(connfile_parse(&c, CONNFILE_CLIENT,
					bytes_str(client_text), &why),
			 0);
	assert_string_equal(c.interface, "tcp://127.0.0.1");
	assert_string_equal(c.location, "myhost");
	assert_string_equal(c.key, "ffbca879-dcd09b65cbd3b0832c5ef0d1");
	assert_string_equal(c.task_scheme, "leastload");
	assert_null(c.curve_serverkey);
	assert_int_equal(c.port.registration, 40001);
	assert_int_equal(c.port.control, 40002);
	assert_int_equal(c.port.mux, 40003);
	assert_int_equal(c.port.task, 40004);
	assert_int_equal(c.port.iopub, 40005);
	assert_int_equal(c.port.notification, 40006);
	assert_int_equal(c.port.broadcast, 40007);
	assert_int_equal(c.port.hb_ping, 0);
	connfile_done(&c);
	assert_null(c.key);
	buf_done(&why);
}

static void test_engine_file(void **state)
{
	struct connfile c;
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(connfile_parse(&c, CONNFILE_ENGINE,
					bytes_str(engine_text), &why),
			 0);
	assert_int_equal(c.port.hb_ping, 41006);
	assert_int_equal(c.port.hb_pong, 41007);
	assert_int_equal(c.nbroadcasts, 2);
	assert_int_equal(c.broadcasts[1], 41009);
	assert_int_equal(c.port.notification, 0);
	assert_int_equal(c.port.line_control, 0);
	connfile_done(&c);
	buf_done(&why);
}

/* One member of a good file changed (NULL: removed). */
static struct bytes changed(const char *text, const char *key, const char *v,
			    struct json_object **ret_o)
{
	struct json_object *o = json_parse(bytes_str(text), NULL);

	json_object_object_del(o, key);
	if (v)
		json_add(o, key, json_parse(bytes_str(v), NULL));
	*ret_o = o;
	return json_bytes(o);
}

static void test_refuses_and_says_why(void **state)
{
	static const struct {
		enum connfile_kind kind;
		const char *key, *value;
	} row[] = {
		{CONNFILE_CLIENT, "interface", NULL},
		{CONNFILE_CLIENT, "interface", "\"ipc://x\""},
		{CONNFILE_CLIENT, "interface", "\"tcp://a\\u0000b\""},
		{CONNFILE_CLIENT, "interface", "7"},
		{CONNFILE_CLIENT, "registration", NULL},
		{CONNFILE_CLIENT, "registration", "0"},
		{CONNFILE_CLIENT, "registration", "-1"},
		{CONNFILE_CLIENT, "registration", "65536"},
		{CONNFILE_CLIENT, "registration", "\"40001\""},
		{CONNFILE_CLIENT, "registration", "40001.5"},
		{CONNFILE_CLIENT, "notification", NULL},
		{CONNFILE_CLIENT, "broadcast", "[1, 2]"},
		{CONNFILE_CLIENT, "key", NULL},
		{CONNFILE_CLIENT, "key", "5"},
		{CONNFILE_CLIENT, "key", "\"a\\u0000b\""},
		{CONNFILE_CLIENT, "pack", "\"pickle\""},
		{CONNFILE_CLIENT, "signature_scheme", "\"hmac-md5\""},
		{CONNFILE_CLIENT, "signature_scheme", NULL},
		{CONNFILE_CLIENT, "curve_serverkey", "\"short\""},
		{CONNFILE_ENGINE, "hb_ping", NULL},
		{CONNFILE_ENGINE, "broadcast", NULL},
		{CONNFILE_ENGINE, "broadcast", "[]"},
		{CONNFILE_ENGINE, "broadcast", "7"},
		{CONNFILE_ENGINE, "broadcast", "[70000]"},
		{CONNFILE_ENGINE, "broadcast", "[\"x\"]"},
		{CONNFILE_ENGINE, "taskfs", "7"},
		{CONNFILE_ENGINE, "taskfs", "{}"},
		{CONNFILE_ENGINE, "taskfs", "{\"control\": 1}"},
		{CONNFILE_ENGINE, "taskfs", "{\"control\": 1, \"task\": 0}"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct json_object *o;
		struct buf why = BUF_INIT;
		struct connfile c;
		struct bytes text = changed(row[i].kind == CONNFILE_CLIENT
						    ? client_text
						    : engine_text,
					    row[i].key, row[i].value, &o);

		if (connfile_parse(&c, row[i].kind, text, &why) != -EINVAL)
			fail_msg("row %zu passed", i);
		if (!strstr(buf_str(&why), row[i].key))
			fail_msg("row %zu: '%s' does not name %s", i,
				 buf_str(&why), row[i].key);
		assert_null(c.key); /* nothing is left in it */
		buf_done(&why);
		json_object_put(o);
	}
}

static void test_what_is_no_json(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "null", "7",
					  "\"tcp\""};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct buf why = BUF_INIT;
		struct connfile c;

		assert_int_equal(connfile_parse(&c, CONNFILE_CLIENT,
						bytes_str(bad[i]), &why),
				 -EINVAL);
		assert_true(why.n > 0);
		buf_done(&why);
	}
}

/* Every prefix of a good file is refused; memory is exact for ASan. */
static void test_every_prefix(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n < strlen(client_text); n++) {
		char *exact = xmemdup(client_text, n);
		struct buf why = BUF_INIT;
		struct connfile c;

		assert_int_equal(connfile_parse(&c, CONNFILE_CLIENT,
						bytes_of(exact, n), &why),
				 -EINVAL);
		buf_done(&why);
		free(exact);
	}
}

static const char *interface_of(const char *interface, const char *location)
{
	static char result[256];
	struct json_object *o = json_parse(bytes_str(client_text), NULL);
	struct buf why = BUF_INIT;
	struct connfile c;

	json_add_str(o, "interface", interface);
	json_add_str(o, "location", location);
	assert_int_equal(connfile_parse(&c, CONNFILE_CLIENT, json_bytes(o),
					&why),
			 0);
	snprintf(result, sizeof(result), "%s", c.interface);
	connfile_done(&c);
	json_object_put(o);
	buf_done(&why);
	return result;
}

static void test_listening_everywhere(void **state)
{
	char host[256] = "";

	(void)state;
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(interface_of("tcp://*", "other.example"),
			    "tcp://other.example");
	assert_string_equal(interface_of("tcp://0.0.0.0", "10.1.2.3"),
			    "tcp://10.1.2.3");
	assert_string_equal(interface_of("tcp://*", host), "tcp://127.0.0.1");
	assert_string_equal(interface_of("tcp://*", NULL), "tcp://127.0.0.1");
	assert_string_equal(interface_of("tcp://*", ""), "tcp://127.0.0.1");
	assert_string_equal(interface_of("tcp://10.9.9.9", "x"),
			    "tcp://10.9.9.9");
}

static struct connfile example(void)
{
	static unsigned broadcasts[] = {51, 52};

	return (struct connfile){
		.interface = (char *)"tcp://127.0.0.1",
		.location = (char *)"here",
		.key = (char *)"secret \"key\"",
		.task_scheme = (char *)"leastload",
		.port = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 11, 12},
		.broadcasts = broadcasts,
		.nbroadcasts = 2,
	};
}

static void test_save_and_load(void **state)
{
	static const enum connfile_kind kinds[] = {CONNFILE_CLIENT,
						   CONNFILE_ENGINE};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *path = connfile_path(unit_dir(), "", kinds[i]);
		struct connfile c = example(), back;
		struct buf why = BUF_INIT;
		struct stat st;

		assert_int_equal(connfile_save(&c, kinds[i], path), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(connfile_load(&back, kinds[i], path, &why), 0);
		assert_string_equal(back.interface, c.interface);
		assert_string_equal(back.key, c.key);
		assert_int_equal(back.port.task, 4);
		assert_int_equal(back.port.notification,
				 kinds[i] == CONNFILE_CLIENT ? 7 : 0);
		assert_int_equal(back.port.line_control,
				 kinds[i] == CONNFILE_ENGINE ? 11 : 0);
		assert_int_equal(back.port.line_task,
				 kinds[i] == CONNFILE_ENGINE ? 12 : 0);
		assert_int_equal(back.nbroadcasts,
				 kinds[i] == CONNFILE_ENGINE ? 2 : 0);
		connfile_done(&back);
		buf_done(&why);
		free(path);
	}
}

static void test_load_what_is_not_there_or_too_big(void **state)
{
	const char *path = unit_path("big.json");
	char *big = zalloc(LIMIT_CONNFILE + 1);
	struct buf why = BUF_INIT;
	struct connfile c;

	(void)state;
	assert_int_equal(connfile_load(&c, CONNFILE_CLIENT, "/no/such", &why),
			 -ENOENT);
	assert_true(why.n > 0);
	memset(big, ' ', LIMIT_CONNFILE + 1);
	assert_int_equal(file_write_atomic(path, 0600,
					   bytes_of(big, LIMIT_CONNFILE + 1)),
			 0);
	assert_int_equal(connfile_load(&c, CONNFILE_CLIENT, path, &why),
			 -EFBIG);
	buf_done(&why);
	free(big);
}

static void test_paths(void **state)
{
	static const struct {
		const char *id;
		enum connfile_kind kind;
		const char *path;
	} row[] = {
		{"", CONNFILE_CLIENT, "/d/ipcontroller-client.json"},
		{NULL, CONNFILE_ENGINE, "/d/ipcontroller-engine.json"},
		{"x", CONNFILE_CLIENT, "/d/ipcontroller-x-client.json"},
		{"x", CONNFILE_ENGINE, "/d/ipcontroller-x-engine.json"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		char *p = connfile_path("/d", row[i].id, row[i].kind);

		assert_string_equal(p, row[i].path);
		free(p);
	}
}

/* want: the path, or what the complaint says when there is none. */
static void expect_dir(char *(*find)(const char *, struct buf *),
		       const char *name, const char *want)
{
	struct buf why = BUF_INIT;
	char *dir = find(name, &why);

	if (*want == '/') {
		assert_non_null(dir);
		assert_string_equal(dir, want);
	} else {
		assert_null(dir);
		assert_non_null(strstr(buf_str(&why), want));
	}
	free(dir);
	buf_done(&why);
}

static void set_or_not(const char *name, const char *value)
{
	if (value)
		assert_int_equal(setenv(name, value, 1), 0);
	else
		unsetenv(name);
}

static void test_named_directories(void **state)
{
	static const struct {
		const char *base, *home, *cluster, *profile;
	} row[] = {
		{NULL, "/h", "/h/.local/state/taskfs/me",
		 "/h/.ipython/profile_me"},
		{"", "/h", "/h/.local/state/taskfs/me",
		 "/h/.ipython/profile_me"},
		{"/s", "/h", "/s/taskfs/me", "/s/profile_me"},
		{"/s", NULL, "/s/taskfs/me", "/s/profile_me"},
		{"s", "/h", "XDG_STATE_HOME is 's'", "IPYTHONDIR is 's'"},
		{NULL, "h", "HOME is 'h'", "HOME is 'h'"},
		{NULL, NULL, "needs HOME or XDG_STATE_HOME",
		 "needs HOME or IPYTHONDIR"},
		{NULL, "", "needs HOME", "needs HOME"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		set_or_not("HOME", row[i].home);
		set_or_not("XDG_STATE_HOME", row[i].base);
		set_or_not("IPYTHONDIR", row[i].base);
		expect_dir(cluster_dir, "me", row[i].cluster);
		expect_dir(profile_dir, "me", row[i].profile);
	}
}

static void test_names_of_clusters(void **state)
{
	static const char *const wrong[] = {
		"", ".", "..", ".a", "-a", "a/b", "a b", "\xc3\xa4", "a\n",
		("0123456789012345678901234567890123456789"
		 "0123456789012345678901234"),
	};
	size_t i;

	(void)state;
	set_or_not("HOME", "/h");
	set_or_not("XDG_STATE_HOME", "/s");
	expect_dir(cluster_dir, "A-1_b.c", "/s/taskfs/A-1_b.c");
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		expect_dir(cluster_dir, wrong[i], "is no name of a cluster");
}

static void test_curve(void **state)
{
	const char *key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
	struct json_object *o = json_parse(bytes_str(client_text), NULL);
	struct buf why = BUF_INIT;
	struct connfile c;
	struct curve curve;

	(void)state;
	assert_int_equal(connfile_parse(&c, CONNFILE_CLIENT,
					bytes_str(client_text), &why),
			 0);
	connfile_curve(&c, &curve);
	assert_false(curve.on);
	connfile_done(&c);
	json_add_str(o, "curve_serverkey", key);
	json_add_str(o, "key", "");
	assert_int_equal(connfile_parse(&c, CONNFILE_CLIENT, json_bytes(o),
					&why),
			 0);
	connfile_curve(&c, &curve);
	assert_true(curve.on);
	assert_string_equal(curve.server_public, key);
	assert_true(curve_is_pair(curve.public_key, curve.secret_key));
	connfile_done(&c);
	json_object_put(o);
	buf_done(&why);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_client_file),
	cmocka_unit_test(test_engine_file),
	cmocka_unit_test(test_refuses_and_says_why),
	cmocka_unit_test(test_what_is_no_json),
	cmocka_unit_test(test_every_prefix),
	cmocka_unit_test(test_listening_everywhere),
	cmocka_unit_test(test_save_and_load),
	cmocka_unit_test(test_load_what_is_not_there_or_too_big),
	cmocka_unit_test(test_paths),
	cmocka_unit_test(test_named_directories),
	cmocka_unit_test(test_names_of_clusters),
	cmocka_unit_test(test_curve),
};

UNIT_MAIN(tests)
