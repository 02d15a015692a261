#include "worker.h"
#include "base/systemd.h"
#include "queue.h"
#include "requests.h"
#include "slots.h"
#include "together.h"

#include <signal.h>
#include <sys/prctl.h>

/* A task gets so long from TERM to KILL when the engine is told to end. */
#define LEAVE_USEC (1 * USEC_PER_SEC)
/* And so long to be gone after KILL. */
#define LEAVE_KILL_USEC (2 * USEC_PER_SEC)

/* Kills those that were not killed yet; false: there are none. */
static bool kill_all(struct engine *e)
{
	struct list *l;
	bool any = false;

	list_for_each(l, &e->tasks.running) {
		struct run *r = &list_entry(l, struct task, link)->run;

		if (r->reaped || r->rounds > 0)
			continue;
		run_kill(r);
		any = true;
	}
	return any;
}

/* Some tasks take their time. */
static void patience_over(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, leave.patience);

	if (kill_all(e))
		timer_set(e->loop, t, LEAVE_KILL_USEC);
	else
		/* The guard kills what is left, and then says goodbye: nobody
		 * is to begin again what still runs. */
		loop_stop(e->loop, e->leave.exit_code);
}

static void say_goodbye(struct engine *e)
{
	timer_cancel(&e->leave.patience);
	systemd_done();
	heart_stop(e);
	/* The worker that comes after a restart says so itself, in its
	 * registration: nothing can overtake that. */
	if (e->leave.exit_code != EXIT_RESTART)
		member_leave(e);
	loop_stop(e->loop, e->leave.exit_code);
}

/* The next step of leaving: leave_begin() or leave_go_on() was called. */
static void leave_step(struct work *w)
{
	struct engine *e = container_of(w, struct engine, leave.work);
	struct list *l;

	together_tell(e);
	if (list_empty(&e->tasks.running)) {
		say_goodbye(e);
		return;
	}
	list_for_each(l, &e->tasks.running) {
		struct task *t = list_entry(l, struct task, link);

		t->unwanted = true;
		run_end(&t->run, RUN_LEAVING);
	}
	if (e->leave.at_once)
		(void)kill_all(e);
	if (!timer_is_set(&e->leave.patience))
		timer_set(e->loop, &e->leave.patience, LEAVE_USEC);
}

static void on_signal(void *arg, int signo)
{
	struct engine *e = arg;

	if (signo == SIGCHLD || signo == LAUNCHER_SIGNAL) {
		runner_reap(&e->runner);
		return;
	}
	if (signo == SIGINT) { /* only a guard without a terminal sends it */
		queue_signal(e, SIGINT);
		return;
	}
	log_info("told to end", log_int("signal", signo));
	leave_begin(e, EXIT_OK);
}

/* TASKFS_RESOURCE_name */
static void forget_resources(void)
{
	static const char prefix[] = "TASKFS_RESOURCE_";
	char **entry = environ;

	while (*entry) {
		const char *eq = strchr(*entry, '=');
		char *name;

		if (!eq || strncmp(*entry, prefix, strlen(prefix)) != 0) {
			entry++;
			continue;
		}
		name = xmemdup_nul(*entry, (size_t)(eq - *entry));
		unsetenv(name);
		free(name);
		entry = environ;
	}
}

/*
 * What this process is and passes on: no terminal, on which a task could wait
 * for ever, and nothing of a task that the engine itself may be.
 */
static void become_worker(void)
{
	static const char *const of_tasks[] = {"TASKFS_ID", "TASKFS_INDEX",
					       "TASKFS_ITEM", "TASKFS_ENGINE",
					       "TASKFS_VARS", "TASKFS_SLOT",
					       "TASKFS_CPUS",
					       /* it holds the key */
					       "IPP_CONNECTION_INFO"};
	size_t i;

	prctl(PR_SET_NAME, "taskfs-engine");
	/* Killed guard: end, and with us the task. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setsid();
	for (i = 0; i < ARRAY_SIZE(of_tasks); i++)
		unsetenv(of_tasks[i]);
	forget_resources();
}

static const struct link_ops of_link = {
	.message = requests_handle,
	.refuse = requests_refuse,
	.can_send = requests_can_send,
	.beat = heart_beat,
	.cut_off = member_cut_off,
};

static int init(struct engine *e, const struct config *config,
		const char *spool_dir)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD,
				      LAUNCHER_SIGNAL, 0};
	int err;

	*e = (struct engine){.config = config, .since = now_usec(),
			     .spool.dir = spool_dir,
			     .leave.work.run = leave_step,
			     .leave.patience.fire = patience_over};
	e->loop = loop_new();
	e->cwd = getcwd(NULL, 0);
	if (gethostname(e->host, sizeof(e->host) - 1) < 0)
		e->host[0] = '\0';
	e->runner = (struct runner){
		.loop = e->loop,
		.spool = &e->spool,
		.output_limit = config->output_limit,
		.grace = config->grace,
		.groups = config->groups,
	};
	err = runner_init(&e->runner);
	/* Not before: what the mother makes has the limit that we were given. */
	if (!err)
		err = slots_raise_limit(config->slots);
	if (!err)
		err = loop_signals(e->loop, signals, on_signal, e);
	queue_init(e);
	uploads_init(e);
	vars_queue_init(e);
	if (!err)
		err = vars_init(e);
	if (!err)
		err = link_init(&e->link, e->loop, config, &of_link, e);
	return err;
}

static void done(struct engine *e)
{
	queue_done(e);
	heart_stop(e);
	lifetime_done(e);
	member_done(e);
	vars_queue_done(e);
	health_done(e);
	uploads_done(e);
	pulls_done(e);
	vars_done(e);
	link_done(&e->link);
	runner_done(&e->runner);
	if (e->spool.lock > 0)
		close(e->spool.lock);
	spool_set_nearby(&e->spool, NULL, NULL);
	loop_free(e->loop);
	free(e->cwd);
}

int worker_run(const struct config *config, const char *spool_dir,
	       struct handover *h, pid_t guard)
{
	struct engine e;
	int code;

	become_worker();
	if (getppid() != guard)
		return EXIT_FAILED;
	code = init(&e, config, spool_dir);
	if (code < 0) {
		log_error("the engine cannot start", log_errno(code));
		return EXIT_FAILED;
	}
	lifetime_init(&e);
	member_init(&e, h);
	member_step(&e);
	systemd_watch(e.loop);
	code = loop_run(e.loop);
	if (code < 0)
		log_error("the engine's loop failed", log_errno(code));
	done(&e);
	if (getppid() != guard)
		(void)spool_remove(spool_dir);	/* nobody else will */
	return code < 0 ? EXIT_FAILED : code;
}
