/*
 * taskfs-engine: runs tasks, one at a time, and streams their output.
 */
#include "base/opt.h"
#include "engine.h"
#include "guard.h"
#include "worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>

static int set_level(void *config, const char *value)
{
	struct config *c = config;

	return log_parse_level(bytes_str(value), &c->log_level);
}

#define AT(member) .at = offsetof(struct config, member)

static const struct opt opts[] = {
	{.name = "file", .letter = 'f', .value = "FILE", .type = OPT_TEXT,
	 AT(file), .help = "connection file (ipcontroller-engine.json)"},
	{.name = "cluster-dir", .value = "DIR", .type = OPT_TEXT,
	 AT(cluster_dir),
	 .help = "directory of the cluster; the file is in its security/"},
	{.name = "name", .letter = 'n', .value = "NAME", .type = OPT_TEXT,
	 AT(name), .standard = "default",
	 .help = "name of the cluster: its directory is "
		 "$XDG_STATE_HOME/taskfs/NAME"},
	{.name = "profile-dir", .value = "DIR", .type = OPT_TEXT,
	 AT(profile_dir), .help = "the same, as ipyparallel calls it"},
	{.name = "cluster-id", .value = "ID", .type = OPT_TEXT, AT(cluster_id),
	 .help = "the file is ipcontroller-ID-engine.json"},
	{.name = "id", .value = "N", .type = OPT_COUNT, AT(id),
	 .max = INT_MAX, .help = "the engine id to ask for"},
	{.name = "wait", .type = OPT_FLAG, AT(wait), .standard = "1",
	 .help = "wait for file and controller (--wait=no: do not)"},
	{.name = "timeout", .value = "TIME", .type = OPT_DURATION, AT(timeout),
	 .standard = "30", .help = "so long; 0: for ever"},
	{.name = "orphan-timeout", .value = "TIME", .type = OPT_DURATION,
	 AT(orphan_timeout), .standard = "1h",
	 .help = "end after so long without a controller; 0: never"},
	{.name = "grace", .value = "TIME", .type = OPT_DURATION, AT(grace),
	 .standard = "5", .max = 3600 * USEC_PER_SEC,
	 .help = "from TERM to KILL, for a task that is ended"},
	{.name = "output-limit", .value = "SIZE", .type = OPT_SIZE,
	 AT(output_limit), .standard = "16G", .max = INT64_MAX,
	 .help = "largest stdout, stderr, value or data of a task"},
	{.name = "spool", .value = "DIR", .type = OPT_TEXT, AT(spool),
	 .help = "where outputs and scripts are kept [$TMPDIR or /tmp]"},
	{.name = "log-level", .value = "LEVEL", .type = OPT_CALL,
	 .call = set_level, .standard = "info",
	 .help = "debug, info, warning, error"},
	{.name = "log-file", .value = "FILE", .type = OPT_TEXT, AT(log_file),
	 .help = "append the log to this file [stderr]"},
	{.name = "ready-fd", .value = "N", .type = OPT_COUNT, AT(ready_fd),
	 .min = 1, .max = 1 << 20,
	 .help = "write \"ready ID\" to this descriptor when registered"},
	{.name = "debug", .letter = 'd', .type = OPT_FLAG, AT(debug),
	 .help = "log every message"},
	{.name = NULL},
};

static const struct program program = {
	.name = "taskfs-engine",
	.usage = "[OPTION]...",
	.about = "Runs the tasks of a cluster, one at a time. Without --file or "
		 "a directory:\nthose of the cluster NAME.",
	.more = "TIME is in seconds or has a unit: ms, s, m, h, d. SIZE is in "
		"bytes or has one: K, M, G, T.\n\n"
		"Exit codes:\n"
		"  0      told to end (a signal, or a shutdown request)\n"
		"  1      it did not work; the log says why\n"
		"  2      the command line is wrong\n"
		"  3      no controller: no file, no answer, or refused\n"
		"  4      the controller did not come back\n"
		"  128+N  killed by signal N\n",
	.opts = opts,
};

/* Descriptors 0, 1, 2 exist, and tasks inherit none of the others. */
static int tidy_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int open_log(const struct config *c)
{
	int fd = STDERR_FILENO;

	if (c->log_file) {
		fd = open(c->log_file,
			  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0) {
			int err = -errno;

			fprintf(stderr, "%s: %s: %s\n", program.name,
				c->log_file, strerror(-err));
			return err;
		}
	}
	log_init(program.name, fd, c->debug ? LOG_DEBUG : c->log_level);
	return 0;
}

/* Of the connection file; caller frees. NULL: said. */
static char *find_file(const struct config *c)
{
	const char *given = c->cluster_dir ? c->cluster_dir : c->profile_dir;
	struct buf why = BUF_INIT;
	char *dir, *security, *path = NULL;

	if (c->file)
		return xstrdup(c->file);
	dir = given ? xstrdup(given) : cluster_dir(c->name, &why);
	if (dir) {
		security = xasprintf("%s/security", dir);
		path = connfile_path(security, c->cluster_id, CONNFILE_ENGINE);
		free(security);
	} else {
		fprintf(stderr, "%s: %s\n", program.name, buf_str(&why));
	}
	buf_done(&why);
	free(dir);
	return path;
}

/* Returns twice: in the guard and, its child, the worker. */
static int run_once(struct config *config, const char *path,
		    const char *spool_dir, struct handover *h, pid_t guard)
{
	pid_t worker = fork();

	if (worker < 0) {
		log_error("the engine cannot start", log_errno(errno));
		return EXIT_FAILED;
	}
	if (worker == 0)
		return worker_run(config, path, spool_dir, h, guard);
	if (config->ready_fd != NO_NUMBER)
		close((int)config->ready_fd);
	config->ready_fd = NO_NUMBER;
	return guard_run(worker, h, spool_dir);
}

static int run(struct config *config, const char *path, const char *spool_dir)
{
	struct handover *h = handover_new();
	pid_t guard = getpid();
	int code;

	if (!h) {
		log_error("the engine cannot start", log_errno(errno));
		return EXIT_FAILED;
	}
	guard_block_signals();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	do {
		code = run_once(config, path, spool_dir, h, guard);
	} while (code == EXIT_RESTART && getpid() == guard);
	return code;
}

int main(int argc, char **argv)
{
	struct config config = {.id = NO_NUMBER, .ready_fd = NO_NUMBER};
	char *path, *spool_dir;
	unsigned nargs;
	int err, lock, code = EXIT_OK;

	if (opt_parse(&program, argc, argv, &config, NULL, &nargs, &code))
		return code;
	signal(SIGPIPE, SIG_IGN);
	err = tidy_fds();
	if (!err)
		err = open_log(&config);
	if (err || sodium_init() < 0)
		return EXIT_FAILED;
	path = find_file(&config);
	if (!path)
		return EXIT_USAGE;
	err = spool_make(config.spool, &spool_dir, &lock);
	if (err) {
		log_error("no place for outputs; see --spool",
			  log_str("directory", config.spool ? config.spool
							    : "$TMPDIR"),
			  log_errno(err));
		free(path);
		return EXIT_FAILED;
	}
	code = run(&config, path, spool_dir);
	free(path);
	free(spool_dir);
	if (lock >= 0)
		close(lock);
	return code;
}
