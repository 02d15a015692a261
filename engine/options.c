#include "options.h"
#include "base/file.h"
#include "base/opt.h"
#include "base/parse.h"
#include "lifetime.h"
#include "slots.h"
#include "ssh/url.h"
#include "wire/connfile.h"
#include "wire/limits.h"
#include "wire/pool_option.h"

#define LIMIT_LIFETIME (3650 * 86400 * USEC_PER_SEC)

static int set_level(void *config, const char *value)
{
	struct config *c = config;

	return log_parse_level(bytes_str(value), &c->log_level);
}

static int set_slots(void *config, const char *value)
{
	struct config *c = config;

	return slots_parse(value, &c->slots);
}

static int set_resource(void *config, const char *value)
{
	struct config *c = config;

	return resources_parse(&c->resources, value);
}

#define VISIBLE "CUDA_VISIBLE_DEVICES"

#define AT(member) .at = offsetof(struct config, member)

static const struct opt opts[] = {
	{.name = "file", .letter = 'f', .value = "FILE", .type = OPT_TEXT,
	 AT(file), .help = "connection file (ipcontroller-engine.json), or "
			   "ssh://[USER@]HOST[:PORT]/CLUSTER"},
	{.name = "cluster-dir", .value = "DIR", .type = OPT_TEXT,
	 AT(given_dir),
	 .help = "directory of the cluster; the file is in its security/"},
	{.name = "profile-dir", .value = "DIR", .type = OPT_TEXT,
	 AT(given_dir), .help = "the same, as ipyparallel calls it"},
	{.name = "name", .letter = 'n', .value = "NAME", .type = OPT_TEXT,
	 AT(name),
	 .help = "name of the cluster: its directory is "
		 "$XDG_STATE_HOME/taskfs/NAME [default]"},
	{.name = "profile", .value = "NAME", .type = OPT_TEXT, AT(profile),
	 .help = "its directory is that of an ipyparallel profile: "
		 "$IPYTHONDIR/profile_NAME"},
	{.name = "cluster-id", .value = "ID", .type = OPT_TEXT, AT(cluster_id),
	 .help = "the file is ipcontroller-ID-engine.json"},
	{.name = "id", .value = "N", .type = OPT_COUNT, AT(id),
	 .max = INT_MAX, .help = "the engine id to ask for"},
	{.name = "slots", .value = "N", .type = OPT_CALL, .call = set_slots,
	 .standard = "1",
	 .help = "tasks at a time, at most 65536; auto: as many as there are "
		 "processors"},
	{.name = "resource", .value = "NAME=AMOUNT", .type = OPT_CALL,
	 .call = set_resource,
	 .help = "what tasks can ask for beside slots, for each kind once: how "
		 "much (licence=2, memory=64G), or which (gpu=0-3, gpu=0,2); "
		 "NAME=0: none; cpus are the slots [memory and NVIDIA's GPUs are "
		 "found]"},
	{.name = "bind", .type = OPT_FLAG, AT(bind),
	 .help = "each slot is a processor of its own, on which its task runs"},
	{.name = "wait", .type = OPT_FLAG, AT(wait), .standard = "1",
	 .help = "wait for file and controller (--wait=no: do not)"},
	{.name = "timeout", .value = "TIME", .type = OPT_DURATION, AT(timeout),
	 .standard = "30", .help = "so long; 0: for ever"},
	{.name = "orphan-timeout", .value = "TIME", .type = OPT_DURATION,
	 AT(orphan_timeout), .standard = "1h",
	 .help = "end after so long without a controller; 0: never"},
	{.name = "respawn", .type = OPT_FLAG, AT(respawn),
	 .help = "start again, under its id, when it dies"},
	{.name = "lifetime", .value = "TIME", .type = OPT_DURATION,
	 AT(lifetime), .max = LIMIT_LIFETIME,
	 .help = "end after so long; 0: never [what Slurm or PBS gives the job]"},
	{.name = "grace", .value = "TIME", .type = OPT_DURATION, AT(grace),
	 .standard = "5", .max = 3600 * USEC_PER_SEC,
	 .help = "from TERM to KILL, for a task that is ended"},
	{.name = "ahead", .value = "TIME", .type = OPT_DURATION, AT(ahead),
	 .standard = "50ms", .max = 3600 * USEC_PER_SEC,
	 .help = "tasks that are sent before a slot is free go back when none "
		 "begins for so long; 0: none are sent"},
	{.name = "output-limit", .value = "SIZE", .type = OPT_SIZE,
	 AT(output_limit), .standard = "16G", .max = INT64_MAX,
	 .help = "largest stdout, stderr, value or data of a task"},
	{.name = "launch", .value = "NAME", .type = OPT_TEXT, AT(launch),
	 .help = "the launch of a pool that starts this engine [$TASKFS_LAUNCH]"},
	{.name = "spool", .value = "DIR", .type = OPT_TEXT, AT(spool),
	 .help = "where outputs and scripts are kept [$TMPDIR or /tmp]"},
	{.name = "work-dir", .value = "DIR", .type = OPT_TEXT, AT(work_dir),
	 .help = "directory of the engine itself; no task runs there"},
	{.name = "log-level", .value = "LEVEL", .type = OPT_CALL,
	 .call = set_level, .standard = "info",
	 .help = "debug, info, warning, error"},
	{.name = "log-file", .value = "FILE", .type = OPT_TEXT, AT(log_file),
	 .help = "append the log to this file [stderr]"},
	{.name = "log-to-file", .type = OPT_FLAG, AT(log_to_file),
	 .help = "the same, to a file of its own in the cluster's log/"},
	{.name = "ready-fd", .value = "N", .type = OPT_COUNT, AT(ready_fd),
	 .min = 1, .max = 1 << 20,
	 .help = "write \"ready ID\" to this descriptor when registered"},
	{.name = "debug", .letter = 'd', .type = OPT_FLAG, AT(debug),
	 .help = "log every message"},
	{.name = "mpi", .type = OPT_FLAG, AT(mpi),
	 .help = "ask for the id that is the rank of mpiexec, or of srun"},
	/* Of ipyparallel alone: not shown. */
	{.name = "ipython-dir", .value = "DIR", .type = OPT_TEXT,
	 AT(ipython_dir)},
	{.name = "wait-for-file", .value = "SECONDS", .type = OPT_DURATION,
	 AT(file_timeout)},
	{.name = NULL},
};

/* What ipengine understands; what is missing here is told in a warning. */
#define NO_TUNNEL \
	"connecting directly; --file ssh://SERVER/CLUSTER goes through ssh"
#define NO_PYTHON "this engine runs no Python by itself"

static const struct opt_alias aliases[] = {
	{.word = "ProfileDir.location", .option = "profile-dir"},
	{.word = "IPEngine.url_file", .option = "file"},
	{.word = "IPEngine.connection_file", .option = "file"},
	{.word = "IPEngine.timeout", .option = "timeout"},
	{.word = "IPEngine.wait_for_url_file", .option = "wait-for-file"},
	{.word = "IPEngine.id", .option = "id"},
	{.word = "IPEngine.use_mpi", .option = "mpi"},
	{.word = "quiet", .option = "log-level", .value = "error"},
	{.word = "*.log_level", .option = "log-level"},
	{.word = "*.log_to_file", .option = "log-to-file"},
	{.word = "*.work_dir", .option = "work-dir"},
	{.word = "*.cluster_id", .option = "cluster-id"},
	{.word = "*.profile", .option = "profile"},
	{.word = "*.ipython_dir", .option = "ipython-dir"},
	/* Passed over. */
	{.word = "secure", .value = ""},
	{.word = "no-secure", .value = ""},
	{.word = "Session.key"},
	{.word = "Session.keyfile"},
	{.word = "keyfile"},
	{.word = "ident"},
	{.word = "user"},
	{.word = "Session.session"},
	{.word = "Session.username"},
	{.word = "init", .value = ""},
	{.word = "*.auto_create"},
	{.word = "clean-logs"},
	{.word = "*.clean_logs"},
	{.word = "location"},
	{.word = "IPEngine.location"},
	{.word = "IPEngine.enable_nanny"},
	{.word = "IPEngine.max_heartbeat_misses",
	 .why = "--orphan-timeout says how long it waits for a controller"},
	{.word = "url", .why = "only a connection file says where to go"},
	{.word = "IPEngine.registration_url",
	 .why = "only a connection file says where to go"},
	{.word = "ssh", .why = NO_TUNNEL},
	{.word = "sshkey", .why = NO_TUNNEL},
	{.word = "IPEngine.sshserver", .why = NO_TUNNEL},
	{.word = "IPEngine.sshkey", .why = NO_TUNNEL},
	{.word = "c", .why = NO_PYTHON},
	{.word = "s", .why = NO_PYTHON},
	{.word = "IPEngine.startup_command", .why = NO_PYTHON},
	{.word = "IPEngine.startup_script", .why = NO_PYTHON},
	{.word = "log-url", .why = "logs go to a file or to standard error"},
	{.word = "*.log_url", .why = "logs go to a file or to standard error"},
	{.word = "config", .why = "no configuration in Python is read"},
	{.word = "*.extra_config_file",
	 .why = "no configuration in Python is read"},
	{.word = NULL},
};

static const struct program program = {
	.name = "taskfs-engine",
	.usage = "[OPTION]...",
	.about = "Runs the tasks of a cluster. Without --file or "
		 "a directory:\nthose of the cluster NAME.",
	.more = "TIME is in seconds or has a unit: ms, s, m, h, d. SIZE is in "
		"bytes or has one: K, M, G, T.\nThe options of ipengine are "
		"understood, too (doc/ipyparallel.md).\n\n"
		"Exit codes:\n"
		"  0      told to end (a signal, or a shutdown request)\n"
		"  1      it did not work; the log says why\n"
		"  2      the command line is wrong\n"
		"  3      no controller: no file, no answer, or refused\n"
		"  4      the controller did not come back\n"
		"  128+N  killed by signal N\n",
	.opts = opts,
	.aliases = aliases,
};

/* --- where --------------------------------------------------------------- */

static const char *env_text(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program.name, what, why);
	return -EINVAL;
}

static char *absolute(const char *path)
{
	char here[PATH_MAX];

	if (*path == '/' || !getcwd(here, sizeof(here)))
		return xstrdup(path);
	return xasprintf("%s/%s", here, path);
}

/* The command line counts more than the environment. */
static char *find_dir(const struct config *c, struct buf *why)
{
	const char *env = env_text("IPP_PROFILE_DIR");

	if (c->given_dir)
		return absolute(c->given_dir);
	if (c->profile)
		return profile_dir(c->profile, why);
	if (!c->name && env)
		return absolute(env);
	return cluster_dir(c->name ? c->name : "default", why);
}

static int find_file(struct config *c)
{
	const char *id = c->cluster_id ? c->cluster_id
				       : env_text("IPP_CLUSTER_ID");
	struct buf why = BUF_INIT;
	char *security;

	c->dir = find_dir(c, &why);
	if (!c->dir) {
		complain("where is the cluster", buf_str(&why));
		buf_done(&why);
		return -EINVAL;
	}
	security = xasprintf("%s/security", c->dir);
	c->path = connfile_path(security, id, CONNFILE_ENGINE);
	free(security);
	return 0;
}

/* The connection file itself may stand in the environment. */
static bool find_text(struct config *c)
{
	c->connection = env_text("IPP_CONNECTION_INFO");
	if (!c->connection || c->given_dir || c->profile || c->name) {
		c->connection = NULL;
		return false;
	}
	c->path = xstrdup("IPP_CONNECTION_INFO");
	return true;
}

/* Opened by main(). */
static int find_far(struct config *c)
{
	struct buf why = BUF_INIT;
	struct ssh_url url;
	int err = ssh_url_parse(&url, c->file, &why);

	if (err)
		complain("--file", buf_str(&why));
	else
		c->path = xstrdup(c->file);
	ssh_url_done(&url);
	buf_done(&why);
	return err;
}

static int find_connection(struct config *c)
{
	if (c->ipython_dir && setenv("IPYTHONDIR", c->ipython_dir, 1) < 0)
		return complain("--ipython-dir", strerror(errno));
	if (c->file && ssh_is_url(c->file))
		return find_far(c);
	if (c->file) {
		c->path = absolute(c->file);
		return 0;
	}
	return find_text(c) ? 0 : find_file(c);
}

/* --- the rest ------------------------------------------------------------ */

/* What the launchers of MPI tell their processes. */
static int take_rank(struct config *c)
{
	static const char *const names[] = {
		"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
		"SLURM_PROCID",
	};
	size_t i;

	if (!c->mpi || c->id != NO_NUMBER)
		return 0;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *rank = env_text(names[i]);

		if (rank && parse_u64(bytes_str(rank), 0, INT_MAX, &c->id) == 0)
			return 0;
	}
	return complain("--mpi", "there is no rank in the environment; is "
				 "this mpiexec's?");
}

static int take_launch(struct config *c)
{
	static const char *const of_pools[] = {
		"TASKFS_LAUNCH", "TASKFS_POOL", "TASKFS_COUNT", "TASKFS_JOB",
		"TASKFS_LIFETIME", "TASKFS_CLUSTER_DIR", "TASKFS_ENGINE_FILE",
		"TASKFS_ENGINE_PROGRAM",
	};
	const char *launch = env_text("TASKFS_LAUNCH");
	size_t i;

	c->from_env = !c->launch && launch ? xstrdup(launch) : NULL;
	/* A task may start an engine, which is none of that launch. */
	for (i = 0; i < ARRAY_SIZE(of_pools); i++)
		unsetenv(of_pools[i]);
	if (!c->launch)
		c->launch = c->from_env;
	if (!c->launch || launch_token_ok(bytes_str(c->launch)))
		return 0;
	return complain("--launch", "that is no name of a launch");
}

int options_read(int argc, char **argv, struct config *c, int *ret_exit)
{
	unsigned n;
	int err;

	*c = (struct config){.id = NO_NUMBER, .ready_fd = NO_NUMBER,
			     .lifetime = NO_NUMBER};
	err = opt_parse(&program, argc, argv, c, NULL, &n, ret_exit);
	if (err)
		return err;
	err = find_connection(c);
	if (!err)
		err = take_rank(c);
	if (!err)
		err = take_launch(c);
	if (!err)
		err = lifetime_read(c);
	if (!err && c->work_dir && chdir(c->work_dir) < 0)
		err = complain(c->work_dir, strerror(errno));
	if (!err && resources_find(&c->resources, getenv(VISIBLE)) < 0)
		err = complain(VISIBLE, "this is no list of GPUs; --resource "
					"gpu=... says which there are");
	if (c->timeout)
		c->timeout = max_u64(c->timeout, c->file_timeout);
	if (err)
		*ret_exit = EXIT_USAGE;
	return err;
}

void options_done(struct config *c)
{
	free(c->path);
	free(c->dir);
	free(c->from_env);
	resources_done(&c->resources);
}

/* As ipengine calls it; caller frees. */
static char *log_path(const struct config *c)
{
	if (c->log_file)
		return xstrdup(c->log_file);
	return xasprintf("%s/log/ipengine-%s-%d.log", c->dir ? c->dir : ".",
			 c->cluster_id ? c->cluster_id : "", getpid());
}

int options_open_log(const struct config *c)
{
	int fd = STDERR_FILENO;

	if (c->log_file || c->log_to_file) {
		char *path = log_path(c);
		const char *why;

		fd = file_open_log(path, &why);
		if (fd < 0)
			fprintf(stderr, "%s: cannot write the log %s: %s\n",
				program.name, path, why);
		free(path);
		if (fd < 0)
			return -EIO;
	}
	log_init(program.name, fd, c->debug ? LOG_DEBUG : c->log_level);
	return 0;
}
