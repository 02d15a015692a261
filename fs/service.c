#include "service.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/systemd.h"
#include "cluster/events.h"
#include "cluster/view.h"
#include "kernel/echo.h"
#include "kernel/kernel.h"
#include "link/bridge.h"
#include "link/link.h"
#include "link/linktext.h"
#include "metrics/metrics_file.h"
#include "mirror/load.h"
#include "mirror/sync.h"
#include "notify/notifier.h"
#include "open/await.h"
#include "open/file.h"
#include "park/caller.h"
#include "query/by.h"
#include "ssh/tunnel.h"
#include "tasks/draft.h"
#include "tasks/tasks.h"
#include "vars/push.h"
#include "vars/scatter.h"
#include "vars/vars.h"

#include <fcntl.h>
#include <signal.h>

#define LOOK_AT_TUNNEL (100 * USEC_PER_MSEC)

/* What each room keeps. */
static struct notifier notifier;
static struct echo echo;
static struct kernel kernel;
static struct metrics metrics;
static struct tasks tasks;
static struct drafts drafts;
static struct vars vars;
static struct numbered views;
static struct queries queries;
static struct awaits awaits;
static struct mirror mirror;
static struct sync sync_;
static struct load load;
static struct link line;
static struct bridge bridge;
static struct park parking;
static struct callers callers;

static struct fs fs = {
	.notifier = &notifier,
	.echo = &echo,
	.kernel = &kernel,
	.metrics = &metrics,
	.tasks = &tasks,
	.drafts = &drafts,
	.vars = &vars,
	.views = &views,
	.queries = &queries,
	.awaits = &awaits,
	.mirror = &mirror,
	.sync = &sync_,
	.load = &load,
	.link = &line,
	.bridge = &bridge,
	.park = &parking,
	.callers = &callers,
};
static const struct service_options *options;
static void *zmq;
static struct timer patience;
static uint64_t patient_until;	/* mono_usec(); with a tunnel */
static bool ready;	/* it is mounted, and somebody was told */
static int status_fd = -1;	/* to the parent that waits; or -1 */

/* --- being ready, or not ------------------------------------------------ */

void service_complain(const char *what)
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
	if (options->ready_fd != UINT64_MAX) {
		(void)!write((int)options->ready_fd, "\n", 1);
		close((int)options->ready_fd);
	}
	systemd_watch(fs.loop);
	systemd_tell("READY=1");
	if (status_fd < 0)
		return;
	(void)!write(status_fd, "", 1);
	close(status_fd);
	status_fd = -1;
	null_stdio();
}

static void fail(const char *what)
{
	service_complain(what);
	log_error("not mounted", log_str("why", what));
	loop_stop(fs.loop, EXIT_FAILED);
}

static void on_note(struct mirror *m, enum event_of of, uint64_t id,
		    int64_t index, uint64_t generation, unsigned what)
{
	(void)m;
	notifier_note(fs.notifier, of, id, index, generation, what);
}

static void mount_now(void)
{
	struct buf why = BUF_INIT;

	if (mount_start(&fs, &options->mount, &why) < 0) {
		fail(buf_str(&why));
	} else {
		kernel_start(fs.kernel, &fs);
		if (!options->mount.noinotify)
			notifier_start(fs.notifier, &fs);
		say_ready();
	}
	buf_done(&why);
}

/* A bridge that has not heard from its controller has no engines. */
static void mount_when_known(void)
{
	const char *upstream = fs.mirror->counts.upstream_state;

	if (!ready && fs.sync->ever &&
	    (!upstream || strcmp(upstream, "connected") == 0))
		mount_now();
}

static void filled(struct sync *s)
{
	(void)s;
	load_go(fs.load);
	mount_when_known();
}

/* Behind what is wrong: what to do. */
static void advise(struct buf *why)
{
	const struct link *l = fs.link;

	if (l->tunnel) {
		buf_puts(why, "; -o bg mounts and goes on trying");
	} else if (access(l->path, F_OK) < 0) {
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

/*
 * The patience is with the controller. What ssh needs until it is through, it takes:
 * somebody may be asked for a password. When ssh has said why not, that is it.
 */
static bool is_patient_with_tunnel(void)
{
	struct buf ignored = BUF_INIT;
	uint64_t now = mono_usec();
	enum tunnel_state state;

	if (!options->tunnel || fs.sync->ever || link_is_up(fs.link))
		return false;
	state = tunnel_state(options->tunnel, &ignored);
	buf_done(&ignored);
	if (state == TUNNEL_CONNECTING)
		patient_until = now + options->wait;
	return state != TUNNEL_FAILED && now < patient_until;
}

static void out_of_patience(struct timer *t)
{
	struct buf why = BUF_INIT;

	if (is_patient_with_tunnel()) {
		timer_set(fs.loop, t, LOOK_AT_TUNNEL);
		return;
	}
	if (fs.sync->ever) { /* what is known is to be seen */
		mount_now();
		return;
	}
	if (link_is_up(fs.link)) { /* many results; sync has its own limit */
		timer_set(fs.loop, t, options->wait);
		return;
	}
	link_explain(fs.link, &why);
	if (options->tunnel && !tunnel_is_up(options->tunnel))
		(void)tunnel_explain(options->tunnel, &why);
	if (fs.link->state != LINK_FOREIGN)
		advise(&why);
	fail(buf_str(&why));
	buf_done(&why);
}

/* --- the parts ---------------------------------------------------------- */

static void on_up(struct link *l)
{
	(void)l;
	sync_up(fs.sync);
}

static void on_down(struct link *l)
{
	(void)l;
	sync_down(fs.sync);
}

static int on_stock(struct link *l, struct buf *why)
{
	(void)l;
	return bridge_begin(fs.bridge, why);
}

static void on_changes(struct link *l, struct msg *m)
{
	(void)l;
	sync_changes(fs.sync, m);
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
	park_init(fs.park, fs.loop, file_retry);
	mirror_init(fs.mirror, fs.park);
	fs.mirror->note = on_note;
	callers_init(fs.callers);
	metrics_init(fs.metrics, &fs);
	numbered_init(fs.views, VIEWS_MAX);
	queries_init(fs.queries, &fs);
	tasks_init(fs.tasks);
	vars_init(fs.vars);
	link_init(fs.link, fs.loop, zmq, connfile, &link_events);
	fs.link->tunnel = options->tunnel;
	bridge_init(fs.bridge, fs.link);
	sync_init(fs.sync, fs.link, fs.mirror);
	fs.sync->filled = filled;
	load_init(fs.load, fs.link, fs.mirror);
	awaits_init(&fs);
	link_start(fs.link);
	patience.fire = out_of_patience;
	if (options->mount.background || !options->wait)
		mount_now();
	else
		timer_set(fs.loop, &patience,
			  options->tunnel ? LOOK_AT_TUNNEL : options->wait);
	return 0;
}

static void end(void)
{
	systemd_tell("STOPPING=1");
	systemd_done();
	/* What waits may hold a lock that the notifier's thread waits for. */
	park_done(fs.park, -ENOTCONN);
	notifier_stop(fs.notifier);
	park_done(fs.park, -ENOTCONN);
	while (!list_empty(&fs.park->files))
		file_free(list_first(&fs.park->files, struct file, all));
	tasks_done(fs.tasks);
	push_done(&fs);
	scatter_done(&fs);
	vars_forget_made(&fs);
	mount_end(&fs);
	bridge_done(fs.bridge);
	awaits_done(&fs);
	load_done(fs.load);
	link_done(fs.link);
	sync_done(fs.sync);
	mirror_done(fs.mirror);
	callers_done(fs.callers);
	drafts_done(fs.drafts);
	queries_done(fs.queries);
	numbered_done(fs.views);
	timer_cancel(&patience);
	zmq_ctx_term(zmq);
	loop_free(fs.loop);
}

int service_run(const struct service_options *o, const char *source, char *dir,
		const char *connfile, int parent)
{
	int err, code;

	options = o;
	status_fd = parent;
	fs.source = source;
	fs.dir = dir;
	err = start(connfile);

	if (err) {
		service_complain(strerror(-err));
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
