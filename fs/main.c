#include "fs.h"
#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/parse.h"
#include "doc.h"
#include "file.h"
#include "want.h"
#include "mount.h"
#include "nodes.h"
#include "push.h"
#include "scatter.h"
#include "submit.h"
#include "tree.h"
#include "vars.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>

struct config {
	struct mount_options mount;
	struct buf mistake;	/* in a -o */
	bool foreground, debug;
	const char *log_file;
	enum log_level level;
	uint64_t wait;		/* usec */
	uint64_t ready_fd;	/* UINT64_MAX: none */
	const char *type;
	bool sloppy, no_mtab, verbose;
};

static struct fs fs;
static struct config config;
static void *zmq;
static struct timer patience;
static bool ready;	/* said so */
static int status_fd = -1;	/* to the parent that waits; or -1 */

/* --- the command line --------------------------------------------------- */

static int opt_mount(void *arg, const char *value)
{
	struct config *c = arg;

	return mount_options_add(&c->mount, value, &c->mistake);
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
	 .at = offsetof(struct config, wait), .standard = "10",
	 .help = "how long to wait for the controller's first answer; then "
		 "fail. 0: as -o bg"},
	{"log-file", 0, "PATH", OPT_TEXT,
	 .at = offsetof(struct config, log_file),
	 .help = "append the log there (JSON lines)"},
	{"log-level", 0, "LEVEL", OPT_CALL, .call = opt_level,
	 .standard = "info", .help = "debug, info, warning or error"},
	{"ready-fd", 0, "FD", OPT_COUNT,
	 .at = offsetof(struct config, ready_fd), .max = INT_MAX,
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
		 "file; of taskfs or of ipyparallel.",
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

/* --- being ready, or not ------------------------------------------------ */

static void complain(const char *what)
{
	fprintf(stderr, "taskfs: %s\n", what);
}

static void null_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void say_ready(void)
{
	ready = true;
	timer_cancel(&patience);
	log_info("mounted", log_str("source", fs.source),
		 log_str("dir", fs.dir));
	if (config.ready_fd != UINT64_MAX) {
		(void)!write((int)config.ready_fd, "\n", 1);
		close((int)config.ready_fd);
	}
	if (status_fd < 0)
		return;
	(void)!write(status_fd, "", 1);
	close(status_fd);
	status_fd = -1;
	null_stdio();
}

static void fail(const char *what)
{
	complain(what);
	log_error("not mounted", log_str("why", what));
	loop_stop(fs.loop, EXIT_FAILED);
}

static void on_note(struct mirror *m, enum event_of of, uint64_t id,
		    int64_t index, uint64_t generation, unsigned what)
{
	(void)m;
	notifier_note(&fs.notifier, of, id, index, generation, what);
}

static void mount_now(void)
{
	struct buf why = BUF_INIT;

	if (mount_start(&fs, &config.mount, &why) < 0) {
		fail(buf_str(&why));
	} else {
		kernel_start(&fs.kernel, &fs);
		if (!config.mount.noinotify)
			notifier_start(&fs.notifier, &fs);
		say_ready();
	}
	buf_done(&why);
}

/* A bridge that has not heard from its controller has no engines. */
static void mount_when_known(void)
{
	const char *upstream = fs.mirror.counts.upstream_state;

	if (!ready && fs.sync.ever &&
	    (!upstream || strcmp(upstream, "connected") == 0))
		mount_now();
}

static void filled(struct sync *s)
{
	(void)s;
	load_go(&fs.load);
	mount_when_known();
}

/* What to do, after what is wrong. */
static void advise(struct buf *why)
{
	const struct link *l = &fs.link;

	if (access(l->path, F_OK) < 0) {
		buf_puts(why, "; start the controller first, or mount with "
			      "-o bg");
		mount_say_places(fs.source, why);
	} else if (l->state == LINK_HELLO) {
		buf_printf(why, ", where the connection file %s has the "
			   "controller; it may have died: start it again, or "
			   "mount with -o bg", l->path);
	} else {
		buf_puts(why, "; SOURCE is the file for clients "
			      "(ipcontroller-client.json), its directory or "
			      "the name of a cluster");
	}
}

static void out_of_patience(struct timer *t)
{
	struct buf why = BUF_INIT;

	if (fs.sync.ever) { /* what is known is to be seen */
		mount_now();
		return;
	}
	if (link_is_up(&fs.link)) { /* many results; sync has its own limit */
		timer_set(fs.loop, t, config.wait);
		return;
	}
	link_explain(&fs.link, &why);
	if (fs.link.state != LINK_FOREIGN)
		advise(&why);
	fail(buf_str(&why));
	buf_done(&why);
}

/* --- the parts ---------------------------------------------------------- */

static void on_up(struct link *l)
{
	(void)l;
	sync_up(&fs.sync);
}

static void on_down(struct link *l)
{
	(void)l;
	sync_down(&fs.sync);
}

static int on_stock(struct link *l, struct buf *why)
{
	(void)l;
	return bridge_begin(&fs.bridge, why);
}

static void on_changes(struct link *l, struct msg *m)
{
	(void)l;
	sync_changes(&fs.sync, m);
	mount_when_known();
}

static const struct link_events link_events = {
	.up = on_up,
	.down = on_down,
	.stock = on_stock,
	.changes = on_changes,
};

static void on_signal(void *arg, int signo)
{
	(void)arg;
	log_info("ended by a signal", log_int("signal", signo));
	loop_stop(fs.loop, ready ? EXIT_OK : EXIT_FAILED);
}

static int start(const char *connfile)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
	int err;

	signal(SIGPIPE, SIG_IGN);
	fs.loop = loop_new();
	fs.born = now_usec();
	fs.begun = steady_usec();
	err = loop_signals(fs.loop, signals, on_signal, NULL);
	if (err)
		return err;
	zmq = zmq_ctx_new();
	if (!zmq)
		return -errno;
	park_init(&fs.park, fs.loop, file_retry);
	mirror_init(&fs.mirror, &fs.park);
	fs.mirror.note = on_note;
	callers_init(&fs.callers);
	metrics_init(&fs.metrics, &fs);
	texts_init(&fs.names, NAMES_MAX);
	texts_init(&fs.views, VIEWS_MAX);
	list_init(&fs.submissions);
	list_init(&fs.pushes);
	list_init(&fs.scatters);
	link_init(&fs.link, fs.loop, zmq, connfile, &link_events);
	bridge_init(&fs.bridge, &fs.link);
	sync_init(&fs.sync, &fs.link, &fs.mirror);
	fs.sync.filled = filled;
	load_init(&fs.load, &fs.link, &fs.mirror);
	wants_init(&fs);
	link_start(&fs.link);
	patience.fire = out_of_patience;
	if (config.mount.background || !config.wait)
		mount_now();
	else
		timer_set(fs.loop, &patience, config.wait);
	return 0;
}

static void end(void)
{
	/* What waits may hold a lock that the notifier's thread waits for. */
	park_done(&fs.park, -ENOTCONN);
	notifier_stop(&fs.notifier);
	park_done(&fs.park, -ENOTCONN);
	while (!list_empty(&fs.park.files))
		file_free(list_first(&fs.park.files, struct file, all));
	submit_done(&fs);
	push_done(&fs);
	scatter_done(&fs);
	vars_forget_made(&fs);
	mount_end(&fs);
	bridge_done(&fs.bridge);
	wants_done(&fs);
	load_done(&fs.load);
	link_done(&fs.link);
	sync_done(&fs.sync);
	mirror_done(&fs.mirror);
	callers_done(&fs.callers);
	drafts_done(&fs.drafts);
	texts_done(&fs.names);
	texts_done(&fs.views);
	timer_cancel(&patience);
	zmq_ctx_term(zmq);
	loop_free(fs.loop);
	free(fs.dir);
}

static int run(const char *connfile)
{
	int err = start(connfile);
	int code;

	if (err) {
		complain(strerror(-err));
		return EXIT_FAILED;
	}
	code = loop_run(fs.loop);
	if (code < 0) {
		log_error("the loop ended", log_errno(code));
		code = EXIT_FAILED;
	}
	end();
	return code;
}

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

static int set_up(const char *args[2], char **ret_connfile)
{
	struct buf why = BUF_INIT;

	fs.source = args[0];
	*ret_connfile = mount_source(args[0], &why);
	if (*ret_connfile)
		fs.dir = mount_dir(args[1], &config.mount, &why);
	if (!fs.dir) {
		complain(buf_str(&why));
		buf_done(&why);
		return EXIT_FAILED;
	}
	buf_done(&why);
	config.foreground |= config.debug;
	return open_log() < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
	char *connfile = NULL;
	const char *args[2];
	unsigned n;
	int code, err = 0;
	bool serve;

	if (sodium_init() < 0)
		return EXIT_FAILED;
	tree_init(nodes);
	config.ready_fd = UINT64_MAX;
	if (opt_parse(&program, argc, argv, &config, args, &n, &code) < 0) {
		if (config.mistake.n)
			complain(buf_str(&config.mistake));
		return code;
	}
	code = set_up(args, &connfile);
	serve = code == EXIT_OK;
	if (serve && !config.foreground) {
		err = go_background(&code);
		serve = code == -1;
	}
	if (err)
		complain(strerror(-err));
	else if (serve)
		code = run(connfile);
	free(connfile);
	mount_options_done(&config.mount);
	return err ? EXIT_FAILED : code;
}
