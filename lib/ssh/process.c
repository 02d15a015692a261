#include "ssh/process.h"
#include "base/spawn.h"
#include "ssh/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Nobody else is called so: "taskfs-tunnel KIND DIR URL". */
#define NAME "taskfs-tunnel"
#define SHOWN_FD 3
/* Before the next keeper, when one was killed. */
#define PAUSE_MS 250

static char *word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int wait_for(pid_t pid, int *ret_status)
{
	pid_t ended;

	do {
		ended = waitpid(pid, ret_status, 0);
	} while (ended < 0 && errno == EINTR);
	return ended < 0 ? -errno : 0;
}

/* What is executed forks, and returns. */
int process_start(const char *url, enum connfile_kind kind, const char *dir,
		  int fd, int shown_fd)
{
	char *argv[] = {
		word(NAME), word(kind == CONNFILE_ENGINE ? "engine" : "client"),
		word(dir), word(url), NULL,
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;
	struct spawn_fd fds[] = {
		{fd, 0}, {null, 1}, {null, 2}, {shown_fd, SHOWN_FD}};
	struct spawn s = {
		.path = "/proc/self/exe",
		.argv = argv,
		.envp = environ,
		.fds = fds,
		.nfds = ARRAY_SIZE(fds),
	};
	pid_t pid;
	int err;

	if (null < 0)
		return -errno;
	pid = spawn_start(&s, NULL);
	close(null);
	if (pid < 0)
		return (int)pid;
	err = wait_for(pid, &status);
	return err ? err : status ? -EIO : 0;
}

/* --- there ---------------------------------------------------------------- */

/* Only the end of who started it ends it. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGHUP, SIGTERM,
				      SIGQUIT, SIGTSTP};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* True, in who is to be the keeper; false, in who has waited for the last one. */
static bool fork_keeper(struct shown *shown)
{
	static const char killed[] = "what kept ssh running was killed";
	int status;

	for (;;) {
		pid_t pid = fork();

		if (pid <= 0)
			return pid == 0;
		if (wait_for(pid, &status) < 0 || !WIFSIGNALED(status))
			return false;
		shown_say(shown, TUNNEL_FAILED, bytes_str(killed));
		(void)poll(NULL, 0, PAUSE_MS);
	}
}

static int run(enum connfile_kind kind, const char *dir, const char *url)
{
	struct shown *shown = shown_open(SHOWN_FD);
	struct buf why = BUF_INIT;
	struct ssh_url u;
	int err = 0;
	pid_t pid;

	if (sodium_init() < 0 || !shown || ssh_url_parse(&u, url, &why) < 0)
		return 1;
	ignore_signals();
	prctl(PR_SET_NAME, NAME);
	pid = fork();
	if (pid == 0 && fork_keeper(shown))
		err = keeper_run(&u, kind, dir, shown);
	ssh_url_done(&u);
	shown_free(shown);
	return pid < 0 || err < 0;
}

void process_main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[0], NAME) == 0)
		exit(run(strcmp(argv[1], "engine") == 0 ? CONNFILE_ENGINE
							: CONNFILE_CLIENT,
			 argv[2], argv[3]));
}
