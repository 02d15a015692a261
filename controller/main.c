#include "base/base.h"
#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/parse.h"
#include "drain.h"
#include "engines.h"
#include "events.h"
#include "hub.h"
#include "orders.h"
#include "query.h"
#include "results.h"
#include "run.h"
#include "sched.h"
#include "upstream.h"
#include "users.h"
#include "vars.h"
#include "wire.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DAY_MAX (36500ULL * 86400 * USEC_PER_SEC)

#define ROW(n, l, v, t, m, d, lo, hi, h) \
	{.name = n, .letter = l, .value = v, .type = t, \
	 .at = offsetof(struct config, m), .standard = d, .min = lo, \
	 .max = hi, .help = h}

static const struct opt opts[] = {
	ROW("cluster-dir", 0, "DIR", OPT_TEXT, dir, NULL, 0, 0,
	    "directory of the cluster: connection files, database, logs"),
	ROW("profile-dir", 0, "DIR", OPT_TEXT, dir, NULL, 0, 0,
	    "the same, as ipyparallel calls it"),
	ROW("name", 'n', "NAME", OPT_TEXT, name, "default", 0, 0,
	    "name of the cluster: its directory is "
	    "$XDG_STATE_HOME/taskfs/NAME"),
	ROW("cluster-id", 0, "ID", OPT_TEXT, cluster_id, "", 0, 0,
	    "part of the connection files' names, as in ipyparallel"),
	ROW("ip", 0, "ADDRESS", OPT_TEXT, ip, "127.0.0.1", 0, 0,
	    "address to listen on; beyond loopback CURVE is on"),
	ROW("ping", 0, "TIME", OPT_DURATION, ping, "3s", 10000,
	    3600 * USEC_PER_SEC,
	    "time between heartbeats; an engine that misses 11 is dead"),
	ROW("scheme", 0, "SCHEME", OPT_TEXT, scheme, "leastload", 0, 0,
	    "leastload, lru, plainrandom, twobin or weighted"),
	ROW("hwm", 0, "N", OPT_COUNT, hwm, "1", 0, 1000000,
	    "tasks given to one engine at a time; 0: no limit"),
	ROW("durability", 0, "HOW", OPT_TEXT, durability, "normal", 0, 0,
	    "normal: survives kill -9; full: loss of power too"),
	ROW("keep-results", 0, "N", OPT_COUNT, keep_results, "100000", 0,
	    100000000, "finished results to keep; 0: no limit"),
	ROW("keep-bytes", 0, "SIZE", OPT_SIZE, keep_bytes, "16G", 0, 0,
	    "bytes of finished results to keep; 0: no limit"),
	ROW("keep-age", 0, "TIME", OPT_DURATION, keep_age, "0", 0, DAY_MAX,
	    "how long to keep finished results; 0: no limit"),
	ROW("upstream", 0, "FILE", OPT_TEXT, upstream, NULL, 0, 0,
	    "use the engines of the ipyparallel controller of this client "
	    "connection file"),
	ROW("until-unused", 0, NULL, OPT_FLAG, until_unused, NULL, 0, 0,
	    "end when nobody has pid/users of the directory locked, and "
	    "nothing is left to do"),
	ROW("log-level", 0, "LEVEL", OPT_TEXT, log_level, "info", 0, 0,
	    "debug, info, warning or error"),
	ROW("log-file", 0, "FILE", OPT_TEXT, log_file, NULL, 0, 0,
	    "append JSON lines to FILE, not to standard error"),
	ROW("ready-fd", 0, "FD", OPT_TEXT, ready_fd, NULL, 0, 0,
	    "write a line to FD when the cluster can be used, and close it"),
	ROW("debug", 'd', NULL, OPT_FLAG, debug, NULL, 0, 0,
	    "log every message (log level debug)"),
	{.name = NULL},
};

static const struct program program = {
	.name = "taskfs-controller",
	.usage = "[OPTION]...",
	.about = "Takes tasks in, gives them to engines, keeps every task and "
		 "result.\nStays in the foreground; ends on SIGINT and "
		 "SIGTERM.",
	.more = "Times are seconds or have a unit (ms s m h d), sizes may end "
		"in K M G T.\n\n"
		"Exit codes: 0 ended as asked, 1 it did not work (the log "
		"says why),\n2 wrong command line, 3 another controller runs "
		"on the directory.\n",
	.opts = opts,
};

#define EXIT_LOCKED 3

/* --- the cluster directory ---------------------------------------------- */

static int make_dirs(const char *dir)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = {{"security", 0700}, {"pid", 0700}, {"log", 0755},
		    {"startup", 0755}};
	int err = file_mkdirs(dir, 0700);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs) && !err; i++) {
		char *path = xasprintf("%s/%s", dir, dirs[i].name);

		err = file_mkdirs(path, dirs[i].mode);
		free(path);
	}
	return err;
}

/* Held while the process lives; -EWOULDBLOCK: somebody else holds it. */
static int lock_dir(const char *dir)
{
	char *path = xasprintf("%s/pid/controller.lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : 0;

	free(path);
	if (!err && flock(fd, LOCK_EX | LOCK_NB) < 0)
		err = -errno;
	return err;
}

static int open_log(const struct config *k)
{
	enum log_level level;
	int fd = STDERR_FILENO;

	if (log_parse_level(bytes_str(k->log_level), &level)) {
		fprintf(stderr, "%s: --log-level: '%s' is no level\n",
			program.name, k->log_level);
		return -EINVAL;
	}
	if (k->log_file) {
		fd = open(k->log_file,
			  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (fd < 0) {
			fprintf(stderr, "%s: cannot open %s: %s\n",
				program.name, k->log_file, strerror(errno));
			return -errno;
		}
	}
	log_init(program.name, fd, k->debug ? LOG_DEBUG : level);
	return 0;
}

/* --- identity ----------------------------------------------------------- */

static void keep(struct controller *c, const char *key, const char *value)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = key;
	op->meta.value = xstrdup(value);
	store_put(c->store, op);
}

/* The value of the last run, or a new one that is kept. */
static char *keep_id(struct controller *c, const char *key)
{
	char *value = store_meta(c->store, key);
	char id[ID_SIZE];

	if (value)
		return value;
	id_new(id);
	keep(c, key, id);
	return xstrdup(id);
}

static bool is_loopback(const char *ip)
{
	return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "localhost") == 0;
}

/*
 * Beyond loopback everything is encrypted, and who has the public key of the
 * connection files gets in; messages are not signed then, as in ipyparallel.
 */
static void make_curve(struct controller *c)
{
	const char *wish = getenv("IPP_ENABLE_CURVE");
	char *public_key = store_meta(c->store, "curve_public");
	char *secret_key = store_meta(c->store, "curve_secret");
	struct curve *curve = &c->curve;

	curve->on = wish && *wish ? strcmp(wish, "0") != 0
				  : !is_loopback(c->config.ip);
	if (curve->on && public_key && secret_key) {
		snprintf(curve->server_public, CURVE_KEY, "%s", public_key);
		snprintf(curve->server_secret, CURVE_KEY, "%s", secret_key);
	} else if (curve->on) {
		zmq_curve_keypair(curve->server_public, curve->server_secret);
		keep(c, "curve_public", curve->server_public);
		keep(c, "curve_secret", curve->server_secret);
	}
	if (curve->on) {
		free(c->key);
		c->key = xstrdup("");
	}
	free(public_key);
	free(secret_key);
}

static void make_identity(struct controller *c)
{
	const char *key = getenv("IPP_SESSION_KEY");
	char *cluster = keep_id(c, "cluster");

	snprintf(c->cluster, sizeof(c->cluster), "%s", cluster);
	free(cluster);
	c->key = key && *key ? xstrdup(key) : keep_id(c, "key");
	id_new(c->instance);
	make_curve(c);
	session_init(&c->session, NULL, bytes_str(c->key), LIMIT_REPLAY);
	c->since = now_usec();
}

static int write_connfiles(struct controller *c)
{
	struct connfile f[2];
	char *dir = xasprintf("%s/security", c->config.dir);
	int i, err = 0;

	hub_connfile(c, &f[CONNFILE_CLIENT], &f[CONNFILE_ENGINE]);
	for (i = 0; i < 2 && !err; i++) {
		char *path = connfile_path(dir, c->config.cluster_id,
					   (enum connfile_kind)i);

		err = connfile_save(&f[i], (enum connfile_kind)i, path);
		if (err)
			log_error("cannot write a connection file",
				  log_str("path", path), log_errno(err));
		free(path);
	}
	free(dir);
	return err;
}

static void remove_connfiles(struct controller *c)
{
	char *dir = xasprintf("%s/security", c->config.dir);
	int i;

	for (i = 0; i < 2; i++) {
		char *path = connfile_path(dir, c->config.cluster_id,
					   (enum connfile_kind)i);

		unlink(path);
		free(path);
	}
	free(dir);
}

/* --- running ------------------------------------------------------------ */

static void on_signal(void *arg, int signo)
{
	struct controller *c = arg;

	log_info("ending", log_str("signal", sigabbrev_np(signo)));
	loop_stop(c->loop, 0);
}

static void raise_limits(void)
{
	struct rlimit r;

	/* Eight connections for each engine. */
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void say_ready(const struct config *k)
{
	uint64_t fd;

	if (!k->ready_fd || parse_u64(bytes_str(k->ready_fd), 0, 1 << 20, &fd))
		return;
	(void)!file_write_all((int)fd, bytes_str("ready\n"));
	close((int)fd);
}

static void close_all(struct controller *c)
{
	users_done(c);
	upstream_close(c);
	reclaim_done(c);
	store_close(c->store);
	events_done(c);
	orders_done(c);
	sched_done(c);
	engines_done(c);
	hub_close(c);
	wires_done(c);
	vars_done(c);
	runs_done(c);
	results_done(c);
	session_done(&c->session);
	zmq_ctx_term(c->zmq);
	free(c->key);
}

static int start(struct controller *c, struct buf *why)
{
	bool full = strcmp(c->config.durability, "full") == 0;
	int err = store_open(&c->store, c->loop, c->config.dir, full, why);

	if (err)
		return err;
	make_identity(c);
	results_init(c);
	runs_init(c);
	wires_init(c);
	vars_init(c);
	sched_init(c);
	events_init(c);
	engines_init(c);
	orders_init(c);
	err = results_load(c);
	if (err)
		buf_printf(why, "cannot read tasks.db: %s", strerror(-err));
	else
		drain_load(c);
	if (!err)
		err = hub_open(c, why);
	if (!err) {
		err = write_connfiles(c);
		if (err)
			buf_puts(why, "cannot write the connection files");
	}
	if (!err && c->config.until_unused) {
		err = users_watch(c);
		if (err)
			buf_puts(why, "cannot use pid/users of the directory");
	}
	if (!err && c->config.upstream)
		upstream_open(c);
	return err;
}

static int run(struct controller *c)
{
	static const int signals[] = {SIGINT, SIGTERM, 0};
	struct buf why = BUF_INIT;
	int err;

	c->loop = loop_new();
	err = loop_signals(c->loop, signals, on_signal, c);
	if (err) {
		log_error("cannot watch signals", log_errno(err));
		return EXIT_FAILED;
	}
	c->zmq = zmq_ctx_new();
	zmq_ctx_set(c->zmq, ZMQ_MAX_SOCKETS, 4096);
	err = start(c, &why);
	if (err) {
		log_error("cannot start", log_bytes("why", buf_bytes(&why)));
	} else {
		log_info("started", log_str("dir", c->config.dir),
			 log_str("instance", c->instance),
			 log_int("registration", c->sock[0].port),
			 log_int("results", (int64_t)c->results.n));
		say_ready(&c->config);
		err = loop_run(c->loop);
		remove_connfiles(c);
	}
	buf_done(&why);
	if (c->store)
		close_all(c);
	loop_free(c->loop);
	return err ? EXIT_FAILED : EXIT_OK;
}

/* Caller frees; NULL: said. */
static char *find_dir(const struct config *k)
{
	struct buf why = BUF_INIT;
	char *dir = k->dir ? xstrdup(k->dir) : cluster_dir(k->name, &why);

	if (!dir)
		fprintf(stderr, "%s: %s\n", program.name, buf_str(&why));
	buf_done(&why);
	return dir;
}

static int check_config(struct controller *c)
{
	c->policy = policy_find(c->config.scheme);
	if (!c->policy) {
		fprintf(stderr, "%s: --scheme: '%s' is no scheme; see %s "
				"--help\n",
			program.name, c->config.scheme, program.name);
		return -EINVAL;
	}
	if (strcmp(c->config.durability, "normal") != 0 &&
	    strcmp(c->config.durability, "full") != 0) {
		fprintf(stderr, "%s: --durability: '%s' is neither normal nor "
				"full\n",
			program.name, c->config.durability);
		return -EINVAL;
	}
	return open_log(&c->config);
}

int main(int argc, char **argv)
{
	static struct controller c;
	char *dir;
	unsigned n;
	int code, err;

	if (sodium_init() < 0)
		return EXIT_FAILED;
	if (opt_parse(&program, argc, argv, &c.config, NULL, &n, &code))
		return code;
	if (check_config(&c))
		return EXIT_USAGE;
	dir = find_dir(&c.config);
	if (!dir)
		return EXIT_USAGE;
	c.config.dir = dir;
	raise_limits();
	/* Fast bins are swept at every large allocation: that costs more than
	 * they save. */
	mallopt(M_MXFAST, 0);
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
	err = make_dirs(c.config.dir);
	if (!err)
		err = lock_dir(c.config.dir);
	if (err == -EWOULDBLOCK && c.config.until_unused) {
		/* Another mount's, which serves this one too. */
		log_info("the bridge runs already");
		code = EXIT_LOCKED;
	} else if (err) {
		log_error(err == -EWOULDBLOCK
				  ? "another controller runs on this directory"
				  : "cannot use the cluster directory",
			  log_str("dir", c.config.dir), log_errno(err));
		code = err == -EWOULDBLOCK ? EXIT_LOCKED : EXIT_FAILED;
	} else {
		code = run(&c);
	}
	free(dir);
	return code;
}
