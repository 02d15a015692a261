#include "base/base.h"
#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/parse.h"
#include "base/systemd.h"
#include "doc.h"
#include "mount.h"
#include "nodes.h"
#include "service.h"
#include "ssh/tunnel.h"
#include "ssh/url.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <sodium.h>

struct config {
	struct service_options service;
	struct buf mistake;	/* in a -o */
	bool foreground, debug;
	const char *log_file;
	enum log_level level;
	const char *type;
	bool sloppy, no_mtab, verbose;
};

static struct config config;
static int status_fd = -1;	/* to the parent that waits; or -1 */

/* --- the command line --------------------------------------------------- */

static int opt_mount(void *arg, const char *value)
{
	struct config *c = arg;

	return mount_options_add(&c->service.mount, value, &c->mistake);
}

static int opt_level(void *arg, const char *value)
{
	struct config *c = arg;

	return log_parse_level(bytes_str(value), &c->level);
}

static int opt_tree(void *arg, const char *value)
{
	struct buf b = BUF_INIT;
	int err;

	(void)arg;
	err = doc_print(value, &b);
	if (err)
		return err;
	if (file_write_all(STDOUT_FILENO, buf_bytes(&b)) < 0)
		exit(EXIT_FAILED);
	exit(EXIT_OK);
}

static const struct opt opts[] = {
	{"options", 'o', "OPT,...", OPT_CALL, .call = opt_mount,
	 .help = "mount options; see below"},
	{"foreground", 'f', NULL, OPT_FLAG,
	 .at = offsetof(struct config, foreground),
	 .help = "stay in the foreground; log to stderr"},
	{"debug", 'd', NULL, OPT_FLAG, .at = offsetof(struct config, debug),
	 .help = "one line per request and message; implies -f"},
	{"wait", 0, "SECONDS", OPT_DURATION,
	 .at = offsetof(struct config, service.wait), .standard = "10",
	 .help = "how long to wait for the controller's first answer; then "
		 "fail. 0: as -o bg"},
	{"log-file", 0, "PATH", OPT_TEXT,
	 .at = offsetof(struct config, log_file),
	 .help = "append the log there (JSON lines)"},
	{"log-level", 0, "LEVEL", OPT_CALL, .call = opt_level,
	 .standard = "info", .help = "debug, info, warning or error"},
	{"ready-fd", 0, "FD", OPT_COUNT,
	 .at = offsetof(struct config, service.ready_fd), .max = INT_MAX,
	 .help = "write a newline there when the mount is ready"},
	{"print-tree", 0, "FORMAT", OPT_CALL, .call = opt_tree,
	 .help = "print the tree's documentation (md or man) and exit"},
	/* What mount(8) may give its helpers. */
	{"type", 't', "TYPE", OPT_TEXT, .at = offsetof(struct config, type),
	 .help = "ignored, for mount(8)"},
	{"sloppy", 's', NULL, OPT_FLAG, .at = offsetof(struct config, sloppy),
	 .help = "ignored, for mount(8)"},
	{"no-mtab", 'n', NULL, OPT_FLAG, .at = offsetof(struct config, no_mtab),
	 .help = "ignored, for mount(8)"},
	{"verbose", 'v', NULL, OPT_FLAG, .at = offsetof(struct config, verbose),
	 .help = "ignored, for mount(8)"},
	{.name = NULL},
};

static const struct program program = {
	.name = "taskfs",
	.usage = "SOURCE DIR [OPTION]...",
	.about = "Mount a compute cluster on DIR: write a command into "
		 "DIR/tasks/new, read\nDIR/results/latest/value. SOURCE is a "
		 "cluster's name, its directory, or its client\nconnection "
		 "file; of taskfs or of ipyparallel. On another host:\n"
		 "ssh://[USER@]HOST[:PORT]/SOURCE.",
	.more =
"Mount options (-o): ro, allow_other (others may use the mount; permissions\n"
"are checked), nonempty (DIR may hold files), bg (return without waiting for\n"
"the controller), noinotify, auto_unmount, and those of mount(8).\n"
"\n"
"Unmount with `umount DIR` or `fusermount3 -u DIR`. `DIR/README` explains the\n"
"tree, taskfs(5) all of it.\n"
"\n"
"Exit status: 0 mounted; 1 it did not work, stderr says why; 2 the command\n"
"line is wrong.\n",
	.opts = opts,
	.min_args = 2,
	.max_args = 2,
};

/* --- going to the background -------------------------------------------- */

/* The parent's exit code: what the child says, 1 if it says nothing. */
static int wait_for(int fd)
{
	char c;
	ssize_t n;

	do {
		n = read(fd, &c, 1);
	} while (n < 0 && errno == EINTR);
	return n == 1 ? EXIT_OK : EXIT_FAILED;
}

/* Returns in the child; *ret_exit is set (not -1) in the parent. */
static int go_background(int *ret_exit)
{
	int fd[2];
	pid_t pid;

	*ret_exit = -1;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(fd[1]);
		*ret_exit = wait_for(fd[0]);
		return 0;
	}
	close(fd[0]);
	status_fd = fd[1];
	setsid();
	return chdir("/") < 0 ? -errno : 0;
}

static int open_log(void)
{
	const char *why;
	int fd = STDERR_FILENO;

	if (config.log_file) {
		fd = file_open_log(config.log_file, &why);
		if (fd < 0) {
			fprintf(stderr, "taskfs: cannot write the log %s: %s\n",
				config.log_file, why);
			return fd;
		}
	}
	/* Before it is ready a daemon says only what is wrong, on stderr. */
	log_init("taskfs", fd,
		 config.debug ? LOG_DEBUG
		 : config.log_file || config.foreground ? config.level
							: LOG_ERROR + 1);
	return 0;
}

/* The path of the connection file; or what there is instead. Before this goes to the
 * background: ssh may have to ask on the terminal. */
static char *connfile_of(const char *source, struct buf *why)
{
	struct tunnel **t = &config.service.tunnel;

	if (!ssh_is_url(source))
		return mount_source(source, why);
	if (tunnel_open(source, CONNFILE_CLIENT, t, why) < 0)
		return NULL;
	return xstrdup(source);
}

static int set_up(const char *args[2], char **ret_connfile, char **ret_dir)
{
	struct buf why = BUF_INIT;

	*ret_connfile = connfile_of(args[0], &why);
	if (*ret_connfile)
		*ret_dir = mount_dir(args[1], &config.service.mount, &why);
	if (!*ret_dir) {
		service_complain(buf_str(&why));
		buf_done(&why);
		return EXIT_FAILED;
	}
	buf_done(&why);
	config.foreground |= config.debug;
	return open_log() < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
	char *connfile = NULL, *dir = NULL;
	const char *args[2];
	unsigned n;
	int code, err = 0;
	bool serve;

	tunnel_main(argc, argv);
	if (sodium_init() < 0)
		return EXIT_FAILED;
	systemd_begin();
	tree_init(nodes);
	config.service.ready_fd = UINT64_MAX;
	if (opt_parse(&program, argc, argv, &config, args, &n, &code) < 0) {
		if (config.mistake.n)
			service_complain(buf_str(&config.mistake));
		return code;
	}
	code = set_up(args, &connfile, &dir);
	serve = code == EXIT_OK;
	if (serve && !config.foreground) {
		err = go_background(&code);
		serve = code == -1;
	}
	if (err)
		service_complain(strerror(-err));
	else if (serve)
		code = service_run(&config.service, args[0], dir, connfile,
				   status_fd);
	/* Who waits for the child's word leaves it to the child. */
	if (serve)
		tunnel_close(config.service.tunnel);
	else
		tunnel_leave(config.service.tunnel);
	free(connfile);
	free(dir);
	mount_options_done(&config.service.mount);
	return err ? EXIT_FAILED : code;
}
