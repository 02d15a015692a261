#include "base/base.h"
#include "options.h"

#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/parse.h"
#include "net/place.h"
#include "schedule/policy.h"

#define DAY_MAX (36500ULL * 86400 * USEC_PER_SEC)
#define PING_MIN (10 * USEC_PER_MSEC)
#define PING_MAX (3600 * USEC_PER_SEC)
#define LIMIT_PYTHON (1 * MIB)		/* of a configuration in Python */

/* ipcontroller's --ping is in milliseconds when it has no unit. */
static int set_ping(void *config, const char *value)
{
	struct config *k = config;
	struct bytes text = bytes_str(value);
	uint64_t n;

	if (parse_u64(text, 0, PING_MAX / USEC_PER_MSEC, &n) == 0)
		n *= USEC_PER_MSEC;
	else if (parse_duration(text, PING_MAX, &n))
		return -EINVAL;
	if (n < PING_MIN)
		return -ERANGE;
	k->ping = n;
	return 0;
}

static int set_curve(void *config, const char *value)
{
	struct config *k = config;
	bool on;

	if (strcmp(value, "auto") == 0) {
		k->curve = CURVE_AUTO;
		return 0;
	}
	if (parse_bool(bytes_str(value), &on))
		return -EINVAL;
	k->curve = on ? CURVE_ON : CURVE_OFF;
	return 0;
}

static int set_level(void *config, const char *value)
{
	struct config *k = config;

	return log_parse_level(bytes_str(value), &k->log_level);
}

static int check_transport(void *config, const char *value)
{
	(void)config;
	return strcmp(value, "tcp") == 0 ? 0 : -EINVAL;
}

#define ROW(n, l, v, t, m, d, lo, hi, h) \
	{.name = n, .letter = l, .value = v, .type = t, \
	 .at = offsetof(struct config, m), .standard = d, .min = lo, \
	 .max = hi, .help = h}
#define TEXT(n, v, m, d, h) ROW(n, 0, v, OPT_TEXT, m, d, 0, 0, h)

static const struct opt opts[] = {
	TEXT("cluster-dir", "DIR", given_dir, NULL,
	     "directory of the cluster: connection files, database, logs"),
	TEXT("profile-dir", "DIR", given_dir, NULL,
	     "the same, as ipyparallel calls it"),
	ROW("name", 'n', "NAME", OPT_TEXT, name, NULL, 0, 0,
	    "name of the cluster: its directory is "
	    "$XDG_STATE_HOME/taskfs/NAME [default]"),
	TEXT("profile", "NAME", profile, NULL,
	     "its directory is that of an ipyparallel profile: "
	     "$IPYTHONDIR/profile_NAME"),
	TEXT("cluster-id", "ID", cluster_id, NULL,
	     "part of the connection files' names, as in ipyparallel"),
	TEXT("ip", "ADDRESS", ip, "127.0.0.1",
	     "address to listen on, * for all"),
	TEXT("client-ip", "ADDRESS", client_ip, NULL,
	     "address to listen on for clients [that of --ip]"),
	TEXT("engine-ip", "ADDRESS", engine_ip, NULL,
	     "address to listen on for engines [that of --ip]"),
	TEXT("location", "HOST", location, NULL,
	     "where peers reach this host when it listens on all addresses "
	     "[the host's name]"),
	TEXT("ports", "LIST", ports[PORTS_COMMON], NULL,
	     "ports to listen on, as 10101-10120,10200 [any]"),
	TEXT("client-ports", "LIST", ports[PORTS_CLIENT], NULL,
	     "those for clients; when they are used up: --ports"),
	TEXT("engine-ports", "LIST", ports[PORTS_ENGINE], NULL,
	     "those for engines"),
	ROW("reuse", 0, NULL, OPT_FLAG, reuse, NULL, 0, 0,
	    "take ports and key from the connection files that are there, "
	    "and leave them there at the end"),
	{.name = "curve", .value = "HOW", .type = OPT_CALL, .call = set_curve,
	 .standard = "auto",
	 .help = "encrypt, and let nobody in without a key: yes, no, or auto: "
		 "as IPP_ENABLE_CURVE says, else yes"},
	TEXT("key-file", "FILE", key_file, NULL,
	     "sign messages with the key in FILE"),
	{.name = "ping", .value = "TIME", .type = OPT_CALL, .call = set_ping,
	 .standard = "3s",
	 .help = "time between heartbeats (a number alone: milliseconds); an "
		 "engine that misses 11 is dead"},
	ROW("keep-id", 0, "TIME", OPT_DURATION, keep_id, "1h", 0, DAY_MAX,
	    "how long an engine that is not heard any more is listed as lost, "
	    "keeps its id, and is waited for by what names it; 0: not at all"),
	TEXT("scheme", "SCHEME", scheme, "leastload",
	     "leastload, lru, plainrandom, twobin or weighted"),
	ROW("hwm", 0, "N", OPT_COUNT, hwm, "1", 0, 1000000,
	    "tasks given at a time to an engine of one slot, and one more for "
	    "each further slot; 0: no limit"),
	ROW("client-tasks", 0, "N", OPT_COUNT, client_tasks, "100000", 1,
	    10000000,
	    "unfinished tasks of ipyparallel's clients to take in, of each "
	    "kind (queue, direct, broadcast); more wait with their clients"),
	TEXT("durability", "HOW", durability, "normal",
	     "normal: survives kill -9; full: loss of power too"),
	ROW("keep-results", 0, "N", OPT_COUNT, keep_results, "100000", 0,
	    100000000, "finished results to keep; 0: no limit"),
	ROW("keep-bytes", 0, "SIZE", OPT_SIZE, keep_bytes, "16G", 0, 0,
	    "bytes of finished results to keep; 0: no limit"),
	ROW("keep-age", 0, "TIME", OPT_DURATION, keep_age, "0", 0, DAY_MAX,
	    "how long to keep finished results; 0: no limit"),
	TEXT("upstream", "FILE", upstream, NULL,
	     "use the engines of the ipyparallel controller of this client "
	     "connection file"),
	ROW("until-unused", 0, NULL, OPT_FLAG, until_unused, NULL, 0, 0,
	    "end when nobody has pid/users of the directory locked, and "
	    "nothing is left to do"),
	TEXT("work-dir", "DIR", work_dir, NULL, "directory to run in"),
	{.name = "log-level", .value = "LEVEL", .type = OPT_CALL,
	 .call = set_level, .standard = "info",
	 .help = "debug, info, warning or error"},
	TEXT("log-file", "FILE", log_file, NULL,
	     "append JSON lines to FILE, not to standard error"),
	ROW("log-to-file", 0, NULL, OPT_FLAG, log_to_file, NULL, 0, 0,
	    "the same, to a file of its own in the cluster's log/"),
	ROW("check", 0, NULL, OPT_FLAG, check, NULL, 0, 0,
	    "say whether all that is stored is whole, change nothing, end"),
	ROW("recover", 0, NULL, OPT_FLAG, recover, NULL, 0, 0,
	    "make a new tasks.db of what can be read of a damaged one, which is "
	    "copied to lost+found before; end"),
	TEXT("ready-fd", "FD", ready_fd, NULL,
	     "write a line to FD when the cluster can be used, and close it"),
	ROW("debug", 'd', NULL, OPT_FLAG, debug, NULL, 0, 0,
	    "log every message (log level debug)"),
	/* Options that only ipyparallel's users know: --help does not show them. */
	TEXT("session-key", "KEY", key, NULL, NULL),
	/* For tests: how long a command of a pool may take, how long the first pause
	 * is, and after how long an engine works. */
	ROW("pool-command-limit", 0, "TIME", OPT_DURATION, pool_command, "60", 0,
	    DAY_MAX, NULL),
	ROW("pool-proof", 0, "TIME", OPT_DURATION, pool_proof, "10", 0, DAY_MAX, NULL),
	ROW("pool-pause", 0, "TIME", OPT_DURATION, pool_pause, "1", 1, DAY_MAX, NULL),
	TEXT("ssh", "SERVER", ssh[CONNFILE_CLIENT], NULL, NULL),
	TEXT("enginessh", "SERVER", ssh[CONNFILE_ENGINE], NULL, NULL),
	TEXT("ipython-dir", "DIR", ipython_dir, NULL, NULL),
	{.name = "transport", .value = "tcp", .type = OPT_CALL,
	 .call = check_transport},
	{.name = NULL},
};

/* What ipcontroller understands; what is missing here is told in a warning. */
static const struct opt_alias aliases[] = {
	{.word = "ProfileDir.location", .option = "profile-dir"},
	{.word = "IPController.location", .option = "location"},
	{.word = "IPController.ip", .option = "ip"},
	{.word = "IPController.client_ip", .option = "client-ip"},
	{.word = "IPController.engine_ip", .option = "engine-ip"},
	{.word = "IPController.ports", .option = "ports"},
	{.word = "IPController.client_ports", .option = "client-ports"},
	{.word = "IPController.engine_ports", .option = "engine-ports"},
	/* The first port of the engines' is the one they register at. */
	{.word = "port", .option = "engine-ports"},
	{.word = "IPController.regport", .option = "engine-ports"},
	{.word = "IPController.transport", .option = "transport"},
	{.word = "IPController.client_transport", .option = "transport"},
	{.word = "IPController.engine_transport", .option = "transport"},
	{.word = "IPController.ssh_server", .option = "ssh"},
	{.word = "IPController.engine_ssh_server", .option = "enginessh"},
	{.word = "IPController.enable_curve", .option = "curve"},
	{.word = "IPController.reuse_files", .option = "reuse"},
	/* Engines are found again in any case. */
	{.word = "IPController.restore_engines", .option = "reuse"},
	{.word = "restore", .option = "reuse", .value = "yes"},
	{.word = "HeartMonitor.period", .option = "ping"},
	{.word = "TaskScheduler.scheme_name", .option = "scheme"},
	{.word = "TaskScheduler.hwm", .option = "hwm"},
	{.word = "Session.key", .option = "session-key"},
	{.word = "Session.keyfile", .option = "key-file"},
	{.word = "keyfile", .option = "key-file"},
	{.word = "no-secure", .option = "session-key", .value = ""},
	{.word = "quiet", .option = "log-level", .value = "error"},
	{.word = "*.log_level", .option = "log-level"},
	{.word = "*.log_to_file", .option = "log-to-file"},
	{.word = "*.work_dir", .option = "work-dir"},
	{.word = "*.cluster_id", .option = "cluster-id"},
	{.word = "*.profile", .option = "profile"},
	{.word = "*.ipython_dir", .option = "ipython-dir"},
	/* These are passed over. */
	{.word = "secure", .value = ""},
	{.word = "init", .value = ""},
	{.word = "usethreads", .value = ""},
	{.word = "IPController.use_threads"},
	{.word = "IPController.registration_timeout"},
	{.word = "IPController.broadcast_scheduler_depth"},
	{.word = "*.auto_create"},
	{.word = "clean-logs"},
	{.word = "*.clean_logs"},
	{.word = "ident"},
	{.word = "user"},
	{.word = "Session.session"},
	{.word = "Session.username"},
	{.word = "dictdb", .value = ""},
	{.word = "sqlitedb", .value = ""},
	{.word = "nodb", .value = "",
	 .why = "results are kept; --keep-results=1 keeps the last alone"},
	{.word = "mongodb", .value = "",
	 .why = "results are kept in the cluster's tasks.db"},
	{.word = "IPController.db_class",
	 .why = "results are kept in the cluster's tasks.db"},
	{.word = "log-url", .why = "logs go to a file or to standard error"},
	{.word = "*.log_url", .why = "logs go to a file or to standard error"},
	{.word = "config", .why = "no configuration in Python is read"},
	{.word = "*.extra_config_file",
	 .why = "no configuration in Python is read"},
	{.word = "IPController.curve_secretkey",
	 .why = "everybody can read command lines; give it as "
		"IPP_CURVE_SECRETKEY"},
	{.word = "IPController.curve_publickey",
	 .why = "give it as IPP_CURVE_PUBLICKEY"},
	{.word = NULL},
};

static const struct program program = {
	.name = "taskfs-controller",
	.usage = "[OPTION]...",
	.about = "Takes tasks in, gives them to engines, keeps every task and "
		 "result.\nStays in the foreground; ends on SIGINT and "
		 "SIGTERM.",
	.more = "Times are seconds or have a unit (ms s m h d), sizes may end "
		"in K M G T.\nThe options of ipcontroller are understood, too "
		"(doc/ipyparallel.md).\n\n"
		"Exit codes: 0 ended as asked, 1 it did not work (the log "
		"says why),\n2 wrong command line, 3 another controller runs "
		"on the directory, 4 what is stored is damaged (nothing was changed).\n",
	.opts = opts,
	.aliases = aliases,
};

/* --- checks -------------------------------------------------------------- */

static int wrong(const char *option, const char *value, const char *what)
{
	fprintf(stderr, "%s: --%s: '%s' %s; see %s --help\n", program.name,
		option, value, what, program.name);
	return -EINVAL;
}

/* Names of schemes of ipyparallel that name no policy here. */
static const char *known_scheme(const char *name)
{
	static const char *const instead[][2] = {
		{"pure", "lru"}, {"none", "leastload"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(instead); i++) {
		if (strcmp(name, instead[i][0]) != 0)
			continue;
		fprintf(stderr, "%s: warning: there is no scheme '%s' here; "
				"'%s' is taken\n", program.name, name,
			instead[i][1]);
		return instead[i][1];
	}
	return name;
}

static int check(struct config *k, const struct policy **ret_policy)
{
	k->scheme = known_scheme(k->scheme);
	*ret_policy = policy_find(k->scheme);
	if (!*ret_policy)
		return wrong("scheme", k->scheme, "is no scheme");
	if (strcmp(k->durability, "normal") != 0 &&
	    strcmp(k->durability, "full") != 0)
		return wrong("durability", k->durability,
			     "is neither normal nor full");
	return 0;
}

/* --- where --------------------------------------------------------------- */

static const char *env_text(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static char *absolute(const char *path)
{
	char here[PATH_MAX];

	if (*path == '/' || !getcwd(here, sizeof(here)))
		return xstrdup(path);
	return xasprintf("%s/%s", here, path);
}

static char *find_dir(struct config *k, struct buf *why)
{
	const char *env = env_text("IPP_PROFILE_DIR");

	if (k->ipython_dir && setenv("IPYTHONDIR", k->ipython_dir, 1) < 0)
		return NULL;
	if (k->given_dir)
		return absolute(k->given_dir);
	if (k->profile)
		return profile_dir(k->profile, why);
	if (!k->name && env)
		return absolute(env);
	return cluster_dir(k->name ? k->name : "default", why);
}

static bool is_part_of_name(const char *id)
{
	return strlen(id) <= LIMIT_CLUSTER_NAME && !strchr(id, '/') &&
	       !strchr(id, '\n');
}

static int find_place(struct config *k)
{
	struct buf why = BUF_INIT;

	k->dir = find_dir(k, &why);
	if (!k->dir)
		fprintf(stderr, "%s: %s\n", program.name, buf_str(&why));
	buf_done(&why);
	if (!k->dir)
		return -EINVAL;
	if (!k->cluster_id)
		k->cluster_id = env_text("IPP_CLUSTER_ID");
	if (k->cluster_id && !is_part_of_name(k->cluster_id))
		return wrong("cluster-id", k->cluster_id,
			     "cannot be a part of a file's name");
	k->data = place_data(k->dir, k->cluster_id);
	if (k->work_dir && chdir(k->work_dir) < 0)
		return wrong("work-dir", k->work_dir, strerror(errno));
	return 0;
}

int options_read(int argc, char **argv, struct config *k,
		 const struct policy **ret_policy, int *ret_exit)
{
	unsigned n;
	int err = opt_parse(&program, argc, argv, k, NULL, &n, ret_exit);

	if (err)
		return err;
	err = check(k, ret_policy);
	if (!err)
		err = find_place(k);
	if (err)
		*ret_exit = EXIT_USAGE;
	return err;
}

void options_done(struct config *k)
{
	free(k->dir);
	free(k->data);
}

/* --- the log ------------------------------------------------------------- */

static bool sets_something(struct bytes python)
{
	struct bytes line;

	while (parse_line(&python, &line))
		if (line.n > 2 && memcmp(line.p, "c.", 2) == 0)
			return true;
	return false;
}

/* Warns of a configuration file that ipcontroller would have read. */
static void look_for_python(const struct config *k)
{
	char *path = xasprintf("%s/ipcontroller_config.py", k->dir);
	struct buf text = BUF_INIT;

	if (file_read(path, LIMIT_PYTHON, &text) == 0 &&
	    sets_something(buf_bytes(&text)))
		log_warning("what this file sets is not read; give it as "
			    "options", log_str("file", path));
	buf_done(&text);
	free(path);
}

/* The name of the log as ipcontroller has it; caller frees. */
static char *log_path(const struct config *k)
{
	if (k->log_file)
		return xstrdup(k->log_file);
	return xasprintf("%s/log/ipcontroller-%s-%d.log", k->dir,
			 k->cluster_id ? k->cluster_id : "", getpid());
}

int options_open_log(const struct config *k)
{
	int fd = STDERR_FILENO;

	if (k->log_file || k->log_to_file) {
		char *path = log_path(k);
		const char *why;

		fd = file_open_log(path, &why);
		if (fd < 0)
			fprintf(stderr, "%s: cannot write the log %s: %s\n",
				program.name, path, why);
		free(path);
		if (fd < 0)
			return -EIO;
	}
	log_init(program.name, fd, k->debug ? LOG_DEBUG : k->log_level);
	look_for_python(k);
	return 0;
}
