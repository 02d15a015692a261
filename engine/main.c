/*
 * taskfs-engine: runs tasks and streams their output.
 */
#include "base/opt.h"
#include "base/systemd.h"
#include "engine.h"
#include "guard.h"
#include "options.h"
#include "slots.h"
#include "ssh/tunnel.h"
#include "ssh/url.h"
#include "subgroup.h"
#include "worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>

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

/* Returns twice: in the guard and, its child, the worker. */
static int run_once(struct config *config, const char *spool_dir,
		    struct handover *h, pid_t guard, struct respawn *respawn)
{
	pid_t worker = fork();

	if (worker < 0) {
		log_error("the engine cannot start", log_errno(errno));
		return EXIT_FAILED;
	}
	if (worker == 0)
		return worker_run(config, spool_dir, h, guard);
	if (config->ready_fd != NO_NUMBER)
		close((int)config->ready_fd);
	config->ready_fd = NO_NUMBER;
	return guard_run(worker, h, spool_dir,
			 config->respawn ? respawn : NULL);
}

static int make_spool(const struct config *config, char **ret_dir, int *ret_lock)
{
	int err = spool_make(config->spool, ret_dir, ret_lock);

	if (err)
		log_error("no place for outputs; see --spool",
			  log_str("directory", config->spool ? config->spool
							     : "$TMPDIR"),
			  log_errno(err));
	return err;
}

/* For the next worker: a task may have put something else in its place. */
static int renew_spool(const struct config *config, char **dir, int *lock)
{
	struct spool s = {.dir = *dir};
	int err = spool_ensure(&s);
	char *other;

	if (!err && !s.lock)
		return 0;
	if (!err)
		other = xstrdup(*dir);
	else if (make_spool(config, &other, &s.lock) < 0)
		return -EIO;
	free(*dir);
	*dir = other;
	if (*lock >= 0)
		close(*lock);
	*lock = s.lock;
	return 0;
}

static int run_again(struct config *config, char **spool_dir, int *lock,
		     struct handover *h)
{
	struct respawn respawn = {0};
	pid_t guard = getpid();
	int code;

	for (;;) {
		code = run_once(config, *spool_dir, h, guard, &respawn);
		if (code != EXIT_RESTART || getpid() != guard)
			return code;
		if (renew_spool(config, spool_dir, lock) < 0)
			return EXIT_FAILED;
	}
}

static int run(struct config *config, char **spool_dir, int *lock)
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
	config->groups = subgroups_enter(&cgroup_own);
	code = run_again(config, spool_dir, lock, h);
	if (getpid() == guard) {
		systemd_tell("STOPPING=1");
		subgroups_leave(config->groups);
	} else {
		free(config->groups);
	}
	return code;
}

static bool has_descriptors(const struct config *config)
{
	size_t possible = slots_possible();

	if (config->slots <= possible)
		return true;
	log_error("the limit of open files is too low for so many slots; see "
		  "ulimit -Hn",
		  log_int("slots", (int64_t)config->slots),
		  log_int("possible", (int64_t)possible));
	return false;
}

static bool has_processors(const struct config *config)
{
	unsigned *processor;
	size_t n;

	if (!config->bind)
		return true;
	n = slots_processors(&processor);
	free(processor);
	if (config->slots <= n)
		return true;
	log_error("with --bind each slot needs a processor of its own; there are "
		  "fewer (--slots auto takes as many as there are)",
		  log_int("slots", (int64_t)config->slots),
		  log_int("processors", (int64_t)n));
	return false;
}

static int run_in_spool(struct config *config)
{
	char *spool_dir;
	int lock, code;

	if (!has_descriptors(config) || !has_processors(config))
		return EXIT_FAILED;
	if (make_spool(config, &spool_dir, &lock) < 0)
		return EXIT_FAILED;
	code = run(config, &spool_dir, &lock);
	free(spool_dir);
	if (lock >= 0)
		close(lock);
	return code;
}

/* Before there is a subreaper: what keeps the tunnel belongs to no engine. */
static int open_tunnel(struct config *config)
{
	struct buf why = BUF_INIT;
	int err;

	if (!config->file || !ssh_is_url(config->file))
		return 0;
	err = tunnel_open(config->file, CONNFILE_ENGINE, &config->tunnel,
			  &why);
	if (err)
		log_error(buf_str(&why), log_errno(err));
	buf_done(&why);
	return err;
}

static int run_in_tunnel(struct config *config)
{
	pid_t guard = getpid();
	int code;

	if (open_tunnel(config) < 0)
		return EXIT_FAILED;
	code = run_in_spool(config);
	/* The worker comes here, too, and leaves it to the guard. */
	if (getpid() == guard)
		tunnel_close(config->tunnel);
	else
		tunnel_leave(config->tunnel);
	return code;
}

int main(int argc, char **argv)
{
	struct config config;
	int err, code = EXIT_OK;

	tunnel_main(argc, argv);
	systemd_begin();
	if (options_read(argc, argv, &config, &code) == 0) {
		signal(SIGPIPE, SIG_IGN);
		err = tidy_fds();
		if (!err)
			err = options_open_log(&config);
		code = err || sodium_init() < 0 ? EXIT_FAILED
						: run_in_tunnel(&config);
	}
	options_done(&config);
	return code;
}
