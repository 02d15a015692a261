#include "base/base.h"

#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/parse.h"
#include "base/systemd.h"
#include "clients/client_ids.h"
#include "clients/relayed.h"
#include "engines/drain.h"
#include "engines/errands.h"
#include "engines/flight.h"
#include "engines/heart.h"
#include "engines/notify.h"
#include "engines/removed.h"
#include "gate/admission.h"
#include "hello.h"
#include "hooks.h"
#include "hub.h"
#include "model/changes.h"
#include "model/engines.h"
#include "model/ready.h"
#include "model/results.h"
#include "mounts/engine_json.h"
#include "mounts/events.h"
#include "mounts/users.h"
#include "net/address.h"
#include "net/identity.h"
#include "net/place.h"
#include "net/sockets.h"
#include "options.h"
#include "pools/pools.h"
#include "pools/stop.h"
#include "repair/check.h"
#include "repair/recover.h"
#include "schedule/ending.h"
#include "schedule/resume.h"
#include "schedule/run.h"
#include "schedule/sched.h"
#include "upstream/others.h"
#include "upstream/reclaim.h"
#include "upstream/upstream.h"
#include "vars/requests.h"
#include "wire/nearby.h"

#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define EXIT_LOCKED 3
#define EXIT_DAMAGED 4

static void on_signal(void *arg, int signo)
{
	struct controller *c = arg;

	if (signo == SIGUSR1) {
		pools_stop(c);
		return;
	}
	log_info("ending", log_str("signal", sigabbrev_np(signo)));
	loop_stop(c->loop, 0);
}

static void raise_limits(void)
{
	struct rlimit r;

	/* There are eight connections for each engine. */
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
	others_done(c);
	store_close(c->store);
	pools_done(c);
	events_done(c);
	orders_done(c);
	sched_done(c);
	flight_done(c);
	engine_news_done(c);
	heart_done(c);
	removed_done(c);
	engines_done(c);
	notify_done(c);
	hub_close(c);
	hello_done(c);
	admission_close(c);
	relayed_index_done(c);
	vars_done(c);
	runs_done(c);
	ready_done(c);
	results_done(c);
	client_ids_done(c);
	changes_done(c);
	identity_done(c);
	address_done(c);
	free(c->sock);
	zmq_ctx_term(c->zmq);
}

/* Where that is not so, outputs are sent. */
static void show_outputs(struct controller *c)
{
	char *path = xasprintf("%s/outputs", c->config.data);
	int err;

	c->nearby = realpath(path, NULL);
	err = c->nearby ? nearby_show(c->nearby, c->instance) : -errno;
	if (err) {
		log_info("engines on this host send their outputs",
			 log_str("path", path), log_errno(err));
		free(c->nearby);
		c->nearby = NULL;
	}
	free(path);
}

static void disk_changed(void *arg)
{
	struct controller *c = arg;

	sched_on_disk(c);
	events_on_controller(c);
}

/* What each room keeps; nothing is loaded yet. */
static void make_rooms(struct controller *c)
{
	hooks_set(c);
	c->sock = zalloc(SOCKETS * sizeof(*c->sock));
	changes_init(c);
	results_init(c);
	ready_init(c);
	runs_init(c);
	client_ids_init(c);
	relayed_index_init(c);
	vars_init(c);
	sched_init(c);
	events_init(c);
	store_on_full(c->store, disk_changed, c);
	engines_init(c);
	engine_news_init(c);
	heart_init(c);
	removed_init(c);
	flight_init(c);
	notify_init(c);
	hello_init(c);
	orders_init(c);
	pools_init(c);
}

static int start(struct controller *c, struct buf *why)
{
	bool full = strcmp(c->config.durability, "full") == 0;
	int err = store_open(&c->store, c->loop, c->config.data, full, why);

	if (err)
		return err;
	make_rooms(c);
	err = address_init(c, why);
	if (!err)
		err = identity_init(c, why);
	if (err)
		return err;
	err = results_resume(c, why);
	if (err)
		return err;
	drain_load(c);
	err = pools_load(c, why);
	if (err)
		return err;
	show_outputs(c);
	err = admission_open(c);
	if (err) {
		buf_printf(why, "cannot admit peers: %s", strerror(-err));
		return err;
	}
	err = hub_open(c, why);
	if (!err) {
		err = address_publish(c);
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
	static const int signals[] = {SIGINT, SIGTERM, SIGUSR1, 0};
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
	if (err == -EUCLEAN) {
		log_error("what is stored is damaged; nothing was changed",
			  log_bytes("why", buf_bytes(&why)),
			  log_str("dir", c->config.data),
			  log_str("hint", "taskfs-controller --check says "
				  "more, --recover rebuilds what can be"));
	} else if (err) {
		log_error("cannot start", log_bytes("why", buf_bytes(&why)));
	} else {
		log_info("started", log_str("dir", c->config.dir),
			 log_str("instance", c->instance),
			 log_int("registration", c->sock[0].port),
			 log_int("results", (int64_t)c->results->by_id.n));
		say_ready(&c->config);
		systemd_watch(c->loop);
		systemd_tell("READY=1");
		err = loop_run(c->loop);
		systemd_tell("STOPPING=1");
		systemd_done();
		address_withdraw(c);
	}
	buf_done(&why);
	if (c->store)
		close_all(c);
	free(c->nearby);
	loop_free(c->loop);
	if (err == -EUCLEAN)
		return EXIT_DAMAGED;
	return err ? EXIT_FAILED : EXIT_OK;
}

static int cannot(const struct config *k, const char *why, int code)
{
	fprintf(stderr, "taskfs-controller: %s: %s\n", k->data, why);
	return code;
}

static int look_after_store(const struct config *k)
{
	struct stat there;
	struct buf why = BUF_INIT;
	int err;

	if (stat(k->data, &there) < 0)
		return cannot(k, errno == ENOENT ? "there is no such directory"
						 : strerror(errno),
			      EXIT_FAILED);
	/* --check only looks: it makes nothing, not even a log. */
	err = k->recover ? place_make(k, &why) : 0;
	if (err)
		(void)cannot(k, buf_str(&why), err);
	buf_done(&why);
	if (err)
		return EXIT_FAILED;
	err = k->recover ? place_lock(k) : place_lock_if_any(k);
	if (err == -EWOULDBLOCK)
		return cannot(k, "a controller runs on it: stop that first",
			      EXIT_LOCKED);
	if (err)
		return cannot(k, strerror(-err), EXIT_FAILED);
	err = k->recover ? store_recover(k->data, stdout)
			 : store_check(k->data, stdout);
	if (err == -EUCLEAN)
		return EXIT_DAMAGED;
	return err ? EXIT_FAILED : EXIT_OK;
}

static int run_here(struct controller *c)
{
	struct config *k = &c->config;
	struct buf why = BUF_INIT;
	int err = place_make(k, &why);

	if (err)
		log_error("cannot use the cluster directory",
			  log_bytes("why", buf_bytes(&why)));
	buf_done(&why);
	if (err || options_open_log(k))
		return EXIT_FAILED;
	err = place_lock(k);
	if (err == -EWOULDBLOCK && k->until_unused) {
		/* The bridge of another mount serves this one too. */
		log_info("the bridge runs already");
		return EXIT_LOCKED;
	}
	if (err == -EWOULDBLOCK) {
		log_error("another controller runs on this directory",
			  log_str("dir", k->data));
		return EXIT_LOCKED;
	}
	if (err) {
		log_error("cannot use the cluster directory",
			  log_str("dir", k->dir), log_errno(err));
		return EXIT_FAILED;
	}
	place_sweep(k);
	return run(c);
}

int main(int argc, char **argv)
{
	static struct controller c;
	int code;

	if (sodium_init() < 0)
		return EXIT_FAILED;
	systemd_begin();
	if (options_read(argc, argv, &c.config, &c.policy, &code) == 0) {
		raise_limits();
		/* Fast bins are swept at every large allocation: that costs
		 * more than they save. */
		mallopt(M_MXFAST, 0);
		mallopt(M_TRIM_THRESHOLD, 16 << 20);
		code = c.config.check || c.config.recover
			       ? look_after_store(&c.config)
			       : run_here(&c);
	}
	options_done(&c.config);
	return code;
}
