/*
 * taskfs-engine: runs tasks, one at a time, and streams their output.
 */
#include "base/opt.h"
#include "engine.h"
#include "guard.h"
#include "options.h"
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
		    struct handover *h, pid_t guard)
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
	return guard_run(worker, h, spool_dir);
}

static int run(struct config *config, const char *spool_dir)
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
		code = run_once(config, spool_dir, h, guard);
	} while (code == EXIT_RESTART && getpid() == guard);
	return code;
}

static int run_in_spool(struct config *config)
{
	char *spool_dir;
	int lock, code;
	int err = spool_make(config->spool, &spool_dir, &lock);

	if (err) {
		log_error("no place for outputs; see --spool",
			  log_str("directory", config->spool ? config->spool
							     : "$TMPDIR"),
			  log_errno(err));
		return EXIT_FAILED;
	}
	code = run(config, spool_dir);
	free(spool_dir);
	if (lock >= 0)
		close(lock);
	return code;
}

int main(int argc, char **argv)
{
	struct config config;
	int err, code = EXIT_OK;

	if (options_read(argc, argv, &config, &code) == 0) {
		signal(SIGPIPE, SIG_IGN);
		err = tidy_fds();
		if (!err)
			err = options_open_log(&config);
		code = err || sodium_init() < 0 ? EXIT_FAILED
						: run_in_spool(&config);
	}
	options_done(&config);
	return code;
}
