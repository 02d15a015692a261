#include "wire/connfile.h"
#include "base/file.h"
#include "wire/json.h"
#include "wire/limits.h"
#include "wire/line.h"

#include <sodium.h>

/* Which port stands where: one row per member of the files. */
static const struct port_row {
	const char *key;
	size_t at;
	bool client, engine;
} port_rows[] = {
	{"registration", offsetof(struct ports, registration), true, true},
	{"control", offsetof(struct ports, control), true, true},
	{"mux", offsetof(struct ports, mux), true, true},
	{"task", offsetof(struct ports, task), true, true},
	{"iopub", offsetof(struct ports, iopub), true, true},
	{"notification", offsetof(struct ports, notification), true, false},
	{"broadcast", offsetof(struct ports, broadcast), true, false},
	{"hb_ping", offsetof(struct ports, hb_ping), false, true},
	{"hb_pong", offsetof(struct ports, hb_pong), false, true},
};

/* The same in the member "taskfs" of the engine's file. */
static const struct {
	const char *key;
	size_t at;
} line_rows[LINES] = {
	[LINE_CONTROL] = {"control", offsetof(struct ports, line_control)},
	[LINE_TASK] = {"task", offsetof(struct ports, line_task)},
};

static bool row_is_for(const struct port_row *r, enum connfile_kind kind)
{
	return kind == CONNFILE_ENGINE ? r->engine : r->client;
}

static unsigned *port_at(struct ports *p, size_t at)
{
	return (unsigned *)(void *)((char *)p + at);
}

static unsigned *row_port(const struct port_row *r, struct ports *p)
{
	return port_at(p, r->at);
}

/* "" is as good as not set (XDG Base Directory Specification). */
static const char *get_env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int bad(struct buf *why, const char *what, const char *key)
{
	buf_printf(why, "\"%s\" %s", key, what);
	return -EINVAL;
}

static int get_port(struct json_object *o, const char *key, unsigned *ret,
		    struct buf *why)
{
	int64_t n = 0;

	if (!json_get_int(o, key, &n) || n < 1 || n > 65535)
		return bad(why, "is no port number", key);
	*ret = (unsigned)n;
	return 0;
}

static int get_broadcasts(struct connfile *c, struct json_object *o,
			  struct buf *why)
{
	struct json_object *a = json_get_array(o, "broadcast");
	size_t i, n = a ? json_object_array_length(a) : 0;

	if (n == 0 || n > 65536)
		return bad(why, "is no list of ports", "broadcast");
	c->broadcasts = xreallocarray(NULL, n, sizeof(*c->broadcasts));
	c->nbroadcasts = n;
	for (i = 0; i < n; i++) {
		int64_t p = json_object_get_int64(
			json_object_array_get_idx(a, i));

		if (p < 1 || p > 65535)
			return bad(why, "is no list of ports", "broadcast");
		c->broadcasts[i] = (unsigned)p;
	}
	return 0;
}

/* A controller of ipyparallel has none. */
static int get_lines(struct connfile *c, struct json_object *o,
		     struct buf *why)
{
	struct json_object *ours = json_get(o, "taskfs");
	struct buf which = BUF_INIT;
	size_t i;
	int err = 0;

	for (i = 0; i < LINES && ours && !err; i++)
		err = get_port(ours, line_rows[i].key,
			       port_at(&c->port, line_rows[i].at), &which);
	buf_done(&which);
	return err ? bad(why, "does not name the ports of two lines", "taskfs")
		   : 0;
}

static int get_text(struct json_object *o, const char *key, char **ret)
{
	size_t n;
	const char *s = json_get_str(o, key, &n);

	if (!s || strlen(s) != n)
		return -EINVAL;
	*ret = xmemdup_nul(s, n);
	return 0;
}

/* A controller that listens everywhere: where it is seen from here. */
static void resolve_interface(struct connfile *c)
{
	static const char *const any[] = {"tcp://*", "tcp://0.0.0.0"};
	char host[256] = "";
	const char *where = c->location;
	size_t i;

	gethostname(host, sizeof(host) - 1);
	if (!where || !*where || strcmp(where, host) == 0)
		where = "127.0.0.1";
	for (i = 0; i < ARRAY_SIZE(any); i++) {
		if (strcmp(c->interface, any[i]) == 0) {
			free(c->interface);
			c->interface = xasprintf("tcp://%s", where);
			return;
		}
	}
}

static bool is_interface(const char *text)
{
	return strncmp(text, "tcp://", 6) == 0 ||
	       strncmp(text, "ipc:///", 7) == 0;
}

static bool says(struct json_object *o, const char *key, const char *want)
{
	const char *s = json_get_str(o, key, NULL);

	return s && strcmp(s, want) == 0;
}

/* What a file leaves out may stand in the environment, as in ipyparallel. */
static void take_env(struct connfile *c)
{
	const char *curve = get_env("IPP_CURVE_SERVERKEY");
	const char *key = get_env("IPP_SESSION_KEY");

	if (!c->curve_serverkey && curve)
		c->curve_serverkey = xstrdup(curve);
	if (!c->key[0] && !c->curve_serverkey && key) {
		free(c->key);
		c->key = xstrdup(key);
	}
}

static int fill(struct connfile *c, enum connfile_kind kind,
		struct json_object *o, struct buf *why)
{
	size_t i;
	int err;

	if (get_text(o, "interface", &c->interface) ||
	    !is_interface(c->interface))
		return bad(why, "is neither tcp://ADDRESS nor ipc:///PATH",
			   "interface");
	if (get_text(o, "key", &c->key))
		return bad(why, "is no string", "key");
	if (!says(o, "pack", "json") || !says(o, "unpack", "json"))
		return bad(why, "is not json", "pack");
	if (!says(o, "signature_scheme", "hmac-sha256"))
		return bad(why, "is not hmac-sha256", "signature_scheme");
	(void)get_text(o, "location", &c->location);
	(void)get_text(o, "ssh", &c->ssh);
	(void)get_text(o, "curve_serverkey", &c->curve_serverkey);
	(void)get_text(o, "task_scheme", &c->task_scheme);
	if (kind != CONNFILE_BRIDGE)
		take_env(c);
	if (c->curve_serverkey && strlen(c->curve_serverkey) != CURVE_KEY - 1)
		return bad(why, "is no CURVE key", "curve_serverkey");
	for (i = 0; i < ARRAY_SIZE(port_rows); i++) {
		if (!row_is_for(&port_rows[i], kind))
			continue;
		err = get_port(o, port_rows[i].key,
			       row_port(&port_rows[i], &c->port), why);
		if (err)
			return err;
	}
	if (kind == CONNFILE_ENGINE) {
		err = get_broadcasts(c, o, why);
		if (!err)
			err = get_lines(c, o, why);
		if (err)
			return err;
	}
	resolve_interface(c);
	/* Only the two above mean everywhere; libzmq would say less clearly. */
	if (strchr(c->interface, '*'))
		return bad(why, "is no address one can connect to",
			   "interface (or location)");
	return 0;
}

int connfile_parse(struct connfile *c, enum connfile_kind kind,
		   struct bytes text, struct buf *why)
{
	const char *mistake;
	struct json_object *o = json_parse(text, &mistake);
	int err;

	*c = (struct connfile){0};
	if (!o || !json_object_is_type(o, json_type_object)) {
		buf_printf(why, "not a JSON object: %s",
			   mistake ? mistake : "something else");
		json_object_put(o);
		return -EINVAL;
	}
	err = fill(c, kind, o, why);
	json_object_put(o);
	if (err)
		connfile_done(c);
	return err;
}

int connfile_load(struct connfile *c, enum connfile_kind kind,
		  const char *path, struct buf *why)
{
	struct buf text = BUF_INIT;
	int err = file_read(path, LIMIT_CONNFILE, &text);

	if (!err)
		err = connfile_parse(c, kind, buf_bytes(&text), why);
	else
		buf_puts(why, strerror(-err));
	sodium_memzero(text.p, text.n);
	buf_done(&text);
	return err;
}

static void put_lines(struct json_object *o, struct ports *p)
{
	struct json_object *ours = json_object_new_object();
	size_t i;

	for (i = 0; i < LINES; i++)
		json_add_int(ours, line_rows[i].key,
			     *port_at(p, line_rows[i].at));
	json_add(o, "taskfs", ours);
}

static struct json_object *to_json(const struct connfile *c,
				   enum connfile_kind kind)
{
	struct json_object *o = json_object_new_object();
	struct connfile copy = *c;
	size_t i;

	json_add_str(o, "ssh", c->ssh ? c->ssh : "");
	json_add_str(o, "interface", c->interface);
	for (i = 0; i < ARRAY_SIZE(port_rows); i++)
		if (row_is_for(&port_rows[i], kind))
			json_add_int(o, port_rows[i].key,
				     *row_port(&port_rows[i], &copy.port));
	if (kind == CONNFILE_ENGINE) {
		struct json_object *a = json_object_new_array();

		for (i = 0; i < c->nbroadcasts; i++)
			json_push(a, json_object_new_int64(c->broadcasts[i]));
		json_add(o, "broadcast", a);
		if (c->port.line_control)
			put_lines(o, &copy.port);
	} else {
		json_add_str(o, "task_scheme", c->task_scheme);
	}
	json_add_str(o, "key", c->key);
	json_add_str(o, "curve_serverkey", c->curve_serverkey);
	json_add_str(o, "location", c->location);
	json_add_str(o, "pack", "json");
	json_add_str(o, "unpack", "json");
	json_add_str(o, "signature_scheme", "hmac-sha256");
	return o;
}

void connfile_put(const struct connfile *c, enum connfile_kind kind,
		  struct buf *out)
{
	struct json_object *o = to_json(c, kind);

	buf_puts(out, json_object_to_json_string_ext(
			      o, JSON_C_TO_STRING_PRETTY |
					 JSON_C_TO_STRING_SPACED |
					 JSON_C_TO_STRING_NOSLASHESCAPE));
	buf_putc(out, '\n');
	json_object_put(o);
}

int connfile_save(const struct connfile *c, enum connfile_kind kind,
		  const char *path)
{
	struct buf text = BUF_INIT;
	int err;

	connfile_put(c, kind, &text);
	err = file_write_atomic(path, 0600, buf_bytes(&text));
	sodium_memzero(text.p, text.n);
	buf_done(&text);
	return err;
}

void connfile_done(struct connfile *c)
{
	if (c->key)
		sodium_memzero(c->key, strlen(c->key));
	free(c->interface);
	free(c->location);
	free(c->key);
	free(c->curve_serverkey);
	free(c->ssh);
	free(c->task_scheme);
	free(c->broadcasts);
	*c = (struct connfile){0};
}

/* --- where they are ------------------------------------------------------- */

static bool is_absolute(const char *variable, const char *path,
			struct buf *why)
{
	if (*path == '/')
		return true;
	buf_printf(why, "%s is '", variable);
	buf_put_escaped(why, bytes_str(path), 64);
	buf_puts(why, "', no absolute path");
	return false;
}

bool cluster_is_path(const char *source)
{
	size_t n = strlen(source);

	return strchr(source, '/') || strcmp(source, ".") == 0 ||
	       strcmp(source, "..") == 0 ||
	       (n >= 5 && strcmp(source + n - 5, ".json") == 0);
}

bool cluster_is_name(const char *name, struct buf *why)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "._-";
	size_t n = strlen(name);

	if (n && n <= LIMIT_CLUSTER_NAME && strspn(name, letters) == n &&
	    name[0] != '.' && name[0] != '-')
		return true;
	buf_putc(why, '\'');
	buf_put_escaped(why, bytes_str(name), 64);
	buf_printf(why, "' is no name of a cluster: 1 to %d letters, digits "
			"and ._-", LIMIT_CLUSTER_NAME);
	return false;
}

/* Below $VARIABLE, or below HOME when that is not set; caller frees. */
static char *base_dir(const char *variable, const char *in_home,
		      struct buf *why)
{
	const char *base = get_env(variable);
	const char *home = get_env("HOME");

	if (base)
		return is_absolute(variable, base, why) ? xstrdup(base) : NULL;
	if (home)
		return is_absolute("HOME", home, why)
			       ? xasprintf("%s/%s", home, in_home)
			       : NULL;
	buf_printf(why, "a name needs HOME or %s to be set; or give the path "
			"of the directory", variable);
	return NULL;
}

static char *named_dir(const char *name, const char *variable,
		       const char *in_home, const char *prefix,
		       struct buf *why)
{
	char *base = cluster_is_name(name, why)
			     ? base_dir(variable, in_home, why) : NULL;
	char *dir = base ? xasprintf("%s/%s%s", base, prefix, name) : NULL;

	free(base);
	return dir;
}

char *cluster_dir(const char *name, struct buf *why)
{
	return named_dir(name, "XDG_STATE_HOME", ".local/state", "taskfs/",
			 why);
}

char *profile_dir(const char *name, struct buf *why)
{
	return named_dir(name, "IPYTHONDIR", ".ipython", "profile_", why);
}

char *connfile_path(const char *dir, const char *cluster_id,
		    enum connfile_kind kind)
{
	bool named = cluster_id && *cluster_id;

	return xasprintf("%s/ipcontroller-%s%s%s.json", dir,
			 named ? cluster_id : "", named ? "-" : "",
			 kind == CONNFILE_ENGINE ? "engine" : "client");
}

void connfile_curve(const struct connfile *c, struct curve *ret_curve)
{
	*ret_curve = (struct curve){0};
	if (!c->curve_serverkey)
		return;
	ret_curve->on = true;
	memcpy(ret_curve->server_public, c->curve_serverkey, CURVE_KEY);
	curve_member_pair(c->curve_serverkey, bytes_str(c->key),
			  ret_curve->public_key, ret_curve->secret_key);
}
