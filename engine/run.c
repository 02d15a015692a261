#include "run.h"
#include "base/log.h"
#include "subgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/*
 * Most tasks end at once: for so long only their end is waited for, and what
 * they wrote is read then (the pipes hold 64 KiB).
 */
#define QUIET_USEC (3 * USEC_PER_MSEC)
/* So long a process may take to die of SIGKILL. */
#define KILL_USEC (10 * USEC_PER_SEC)
/* What was left behind is killed again after so long, then twice that ... */
#define SWEEP_USEC (5 * USEC_PER_MSEC)
#define SWEEP_ROUNDS 10

static void launcher_said(void *user, const struct launch_word *w);
static void launcher_died(void *user);

int runner_init(struct runner *rr)
{
	int err;

	list_init(&rr->runs);
	rr->launchers = (struct launchers){.loop = rr->loop,
					   .spared = &rr->spared,
					   .said = launcher_said,
					   .died = launcher_died};
	err = launchers_init(&rr->launchers);
	memory_init(&rr->memory, rr->loop);
	rr->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return !err && rr->null_fd < 0 ? -errno : err;
}

void runner_done(struct runner *rr)
{
	if (rr->null_fd >= 0)
		close(rr->null_fd);
	rr->null_fd = -1;
	launchers_done(&rr->launchers);
	memory_done(&rr->memory);
	kin_done(&rr->spared);
}

/* --- signals ------------------------------------------------------------ */

void run_note_start(struct run *r)
{
	r->began = now_usec();
	r->steady_began = steady_usec();
}

void run_note_end(struct run *r)
{
	r->ended_at = now_usec();
	r->steady_ended = steady_usec();
}

/* The main process has ended, and maybe we have not heard it yet. */
static bool has_ended(const struct run *r)
{
	return r->reaped || (r->launcher && launcher_has_said(r->launcher));
}

/*
 * Its pid is another process's, perhaps, when its launcher has waited for it. One
 * without a launcher is being killed.
 */
int run_signal(struct run *r, int signo)
{
	if (!r->launcher || has_ended(r))
		return -ESRCH;
	kin_signal(r->launcher->pid, r->pid, signo);
	return 0;
}

static void end_by(struct run *r, enum run_cause cause)
{
	if (r->cause != RUN_BY_ITSELF)
		return;
	r->cause = cause;
	/* A stopped process would not notice the TERM. */
	if (run_signal(r, SIGTERM) == 0 && run_signal(r, SIGCONT) == 0)
		timer_set(r->runner->loop, &r->kill, r->runner->grace);
}

void run_end(struct run *r, enum run_cause cause)
{
	if (r->cause == RUN_BY_ITSELF && !has_ended(r))
		end_by(r, cause);
}

/* --- outputs ------------------------------------------------------------ */

static void output_failed(struct run *r, enum stream s, int err)
{
	r->cause_err = err;
	end_by(r, err == -EFBIG ? RUN_OUTPUT_LIMIT : RUN_OUTPUT_ERROR);
	pipes_close_one(&r->pipes, s);
}

/* What one read brought goes to the output. */
static void take(struct pipes *p, enum stream s, struct bytes b)
{
	struct run *r = container_of(p, struct run, pipes);
	int err = output_put(&r->out[s], r->runner->spool, b,
			     r->runner->output_limit);

	copy_put(&r->copy[s], b);
	if (err)
		output_failed(r, s, err);
}

static ssize_t move(struct pipes *p, enum stream s)
{
	struct run *r = container_of(p, struct run, pipes);
	ssize_t n = -EINVAL; /* what is copied is to be read */

	if (!r->copy[s].fd)
		n = output_splice(&r->out[s], p->one[s].watch.fd,
				  r->runner->output_limit);
	if (n < 0 && n != -EAGAIN && n != -EINVAL)
		output_failed(r, s, (int)n);
	return n;
}

static void pipe_ready(struct pipes *p, enum stream s)
{
	struct run *r = container_of(p, struct run, pipes);
	uint64_t before = r->out[s].size;

	(void)pipes_read(p, s);
	if (r->out[s].size > before)
		r->grew(r, s);
}

/* It is no short task. */
static void quiet_over(struct timer *t)
{
	struct run *r = container_of(t, struct run, quiet);

	r->kills = memory_kills_lately(&r->runner->memory);
	pipes_watch(&r->pipes);
}

/* --- the end ------------------------------------------------------------ */

static void leave_group(struct run *r)
{
	if (r->group)
		subgroup_drop(r->runner->groups, r->group,
			      r->launcher ? r->launcher->pid : 0);
	r->group = NULL;
	r->bind.group = NULL;
}

void run_forget(struct run *r)
{
	timer_cancel(&r->quiet);
	timer_cancel(&r->limit);
	timer_cancel(&r->kill);
	memory_let_go(&r->hold);
	leave_group(r);
	pipes_close(&r->pipes);
	list_del(&r->link);
	r->launcher = NULL;
}

/* A status is made up: nobody can say what became of the main process. */
static void main_lost(struct run *r)
{
	r->reaped = true;
	r->status = SIGKILL;
	run_note_end(r);
}

/* Killed, or a shell that says so of what it ran. */
static bool was_killed(const struct run *r)
{
	return WIFSIGNALED(r->status) ? WTERMSIG(r->status) == SIGKILL
				      : WEXITSTATUS(r->status) == 128 + SIGKILL;
}

/* It has failed: because it got no more memory? */
static void note_hunger(struct run *r)
{
	if (r->group && subgroup_kills(r->group) > 0)
		r->cause = RUN_MEMORY_LIMIT;
	else
		r->starved = was_killed(r) && r->kills >= 0 &&
			     memory_kills(&r->runner->memory) > r->kills;
}

static void finish(struct run *r)
{
	if (!r->reaped)
		main_lost(r);
	if (r->cause == RUN_BY_ITSELF && !r->unkillable && r->status)
		note_hunger(r);
	pipes_drain(&r->pipes);
	copies_close(r->copy);
	run_forget(r);
	r->ended(r);
}

/* Whose children they are whom a run has left behind. */
static pid_t root(const struct run *r)
{
	return r->launcher ? r->launcher->pid : getpid();
}

static const struct kin *spared(const struct run *r)
{
	return r->launcher ? NULL : &r->runner->spared;
}

/* Some processes do not die, in a dead filesystem perhaps. */
static void give_up(struct run *r)
{
	struct kin children = KIN_INIT;
	size_t i, left = 0;

	kin_children(root(r), &children);
	for (i = 0; i < children.n; i++) {
		if (kin_has(spared(r), children.pid[i]))
			continue;
		left++;
		if (!r->launcher)
			kin_add(&r->runner->spared, children.pid[i]);
	}
	kin_done(&children);
	log_warning("processes of a task could not be killed",
		    log_int("pid", r->pid), log_int("processes", (int64_t)left));
	if (r->launcher)
		launcher_abandon(r->launcher);
	r->unkillable = !r->reaped;
	finish(r);
}

/* Are there orphans that could not be killed? */
static bool has_stragglers(const struct runner *rr)
{
	return rr->spared.n > rr->launchers.n;
}

/*
 * The main process is gone, others are there: kill them, wait for the launcher's
 * word (or SIGCHLD) or the timer. Of orphans, a list without any is believed only
 * when there are some that cannot be killed: it may miss one while another dies.
 */
static void sweep(struct run *r)
{
	if (kin_kill(root(r), spared(r)) == 0 && !r->launcher &&
	    has_stragglers(r->runner))
		finish(r);
	else if (r->rounds >= SWEEP_ROUNDS)
		give_up(r);
	else if (!timer_is_set(&r->kill))
		timer_set(r->runner->loop, &r->kill, SWEEP_USEC << r->rounds);
}

/* The grace is over; or what was killed still lives. */
static void kill_due(struct timer *t)
{
	struct run *r = container_of(t, struct run, kill);

	if (r->reaped || !r->launcher) {
		r->rounds++;
		sweep(r);
	} else if (r->rounds > 0) {
		give_up(r);
	} else {
		run_kill(r);
	}
}

static void limit_over(struct timer *t)
{
	run_end(container_of(t, struct run, limit), RUN_TIME_LIMIT);
}

void run_limit(struct run *r, uint64_t time_limit)
{
	int64_t ran = steady_usec() - r->steady_began;
	int64_t left = (int64_t)time_limit - ran;

	timer_cancel(&r->limit);
	if (time_limit && !has_ended(r))
		timer_set(r->runner->loop, &r->limit,
			  left > 0 ? (uint64_t)left : 1);
}

/* It has no grace: meanwhile it would take more. */
static void memory_over(struct memory_hold *h)
{
	struct run *r = container_of(h, struct run, hold);

	if (r->cause == RUN_BY_ITSELF && !has_ended(r))
		r->cause = RUN_MEMORY_LIMIT;
	run_kill(r);
}

void run_kill(struct run *r)
{
	if (run_signal(r, SIGKILL) < 0)
		return;
	r->rounds = 1;
	timer_set(r->runner->loop, &r->kill, KILL_USEC);
}

/* What wait4() tells of the main process. */
static void main_ended(struct run *r, int status, const struct rusage *usage)
{
	r->reaped = true;
	r->status = status;
	r->usage = *usage;
	run_note_end(r);
	r->rounds = 0;
	timer_cancel(&r->kill);
	timer_cancel(&r->limit);
}

static void launcher_said(void *user, const struct launch_word *w)
{
	struct run *r = user;

	if (!r->reaped)
		main_ended(r, w->number, &w->usage);
	if (w->all)
		finish(r);
	else
		sweep(r);
}

/* The main process, and what else there is of it, comes to us, and dies. */
static void launcher_died(void *user)
{
	struct run *r = user;

	r->launcher = NULL;
	memory_let_go(&r->hold);
	r->rounds = 0;
	timer_cancel(&r->limit);
	timer_set(r->runner->loop, &r->kill, SWEEP_USEC);
	(void)kin_kill(getpid(), &r->runner->spared);
}

/* Others may be left, and the timer is for them. */
static void lost_main_ended(struct run *r, int status,
			    const struct rusage *usage)
{
	main_ended(r, status, usage);
	timer_set(r->runner->loop, &r->kill, SWEEP_USEC);
}

static struct run *find(struct runner *rr, pid_t pid)
{
	struct list *l;

	list_for_each(l, &rr->runs) {
		struct run *r = list_entry(l, struct run, link);

		if (r->pid == pid && !r->reaped)
			return r;
	}
	return NULL;
}

/* Waits for orphans that have ended; true: there are no others. */
static bool reap_orphans(struct runner *rr)
{
	struct rusage usage;
	struct run *r;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		r = find(rr, pid);
		if (r)
			lost_main_ended(r, status, &usage);
		kin_remove(&rr->spared, pid);
	}
	return pid < 0 && errno == ECHILD;
}

/* A run that has lost its launcher; NULL: there is none. */
static struct run *lost_one(struct runner *rr)
{
	struct list *l;

	list_for_each(l, &rr->runs)
		if (!list_entry(l, struct run, link)->launcher)
			return list_entry(l, struct run, link);
	return NULL;
}

void runner_reap(struct runner *rr)
{
	struct run *r;

	launchers_reap(&rr->launchers);
	if (!reap_orphans(rr)) {
		if (lost_one(rr))
			(void)kin_kill(getpid(), &rr->spared);
		return;
	}
	while ((r = lost_one(rr)) != NULL)
		finish(r);
}

/* --- the beginning ------------------------------------------------------ */

void run_init(struct run *r, struct runner *rr)
{
	*r = (struct run){.runner = rr, .grew = r->grew, .ended = r->ended,
			  .kills = -1};
	list_init(&r->link);
	list_init(&r->hold.link);
	r->hold.over = memory_over;
	r->quiet.fire = quiet_over;
	r->limit.fire = limit_over;
	r->kill.fire = kill_due;
	r->pipes = (struct pipes){.loop = rr->loop, .ready = pipe_ready,
				  .move = move, .took = take};
	pipes_init(&r->pipes);
}

static int spawn(struct run *r, struct command *c, struct spawn *s,
		 struct run_failure *f)
{
	for (;;) {
		s->path = c->path;
		s->argv = c->argv;
		s->envp = c->envp;
		r->pid = launchers_start(&r->runner->launchers, s, &r->bind, r,
					 &r->launcher, &f->step);
		if (r->pid > 0)
			return 0;
		f->err = r->pid;
		r->pid = 0;
		if (f->step != SPAWN_EXEC || !command_next(c, f->err))
			return f->err;
	}
}

static void hold_memory(struct run *r)
{
	r->hold.root = r->launcher->pid;
	r->hold.limit = r->memory_limit;
	r->hold.group = r->group;
	memory_hold(&r->runner->memory, &r->hold);
}

/* Where the task writes. 0, or -errno and *f says it. */
static int make_pipes(struct run *r, const struct command *c,
		      int write_end[STREAM_OUTPUTS], struct run_failure *f)
{
	int i;

	*f = (struct run_failure){.step = SPAWN_SETUP};
	f->err = pipes_make(&r->pipes, write_end);
	if (f->err || !r->terminal)
		return f->err;
	f->err = pipes_use_terminal(&r->pipes, terminal_size(c->envp),
				    write_end);
	if (!f->err)
		return 0;
	f->terminal = true;
	for (i = 0; i < STREAM_OUTPUTS; i++)
		close(write_end[i]);
	pipes_close(&r->pipes);
	return f->err;
}

int run_start(struct run *r, struct command *c, int stdin_fd,
	      const char *cwd, uint64_t time_limit,
	      struct run_failure *ret_failure)
{
	struct spawn_fd fds[1 + STREAM_OUTPUTS] = {{stdin_fd, 0}};
	struct spawn s = {.cwd = cwd, .fds = fds, .nfds = ARRAY_SIZE(fds),
			  .own_group = true, .death_signal = SIGKILL};
	int write_end[STREAM_OUTPUTS];
	int i, err;

	assert(list_empty(&r->link));
	err = make_pipes(r, c, write_end, ret_failure);
	if (err)
		return err;
	if (stdin_fd < 0)
		fds[0].from = r->runner->null_fd;
	for (i = 0; i < STREAM_OUTPUTS; i++)
		fds[1 + i] = (struct spawn_fd){write_end[i], 1 + i};
	run_note_start(r);
	if (r->memory_limit && r->runner->groups)
		r->group = subgroup_make(r->runner->groups, r->memory_limit);
	r->bind.group = r->group;
	err = spawn(r, c, &s, ret_failure);
	for (i = 0; i < STREAM_OUTPUTS; i++)
		close(write_end[i]);
	if (err) {
		leave_group(r);
		pipes_close(&r->pipes);
		return err;
	}
	list_add_tail(&r->runner->runs, &r->link);
	timer_set(r->runner->loop, &r->quiet, QUIET_USEC);
	if (time_limit)
		timer_set(r->runner->loop, &r->limit, time_limit);
	if (!r->launcher)
		launcher_died(r);
	else if (r->memory_limit)
		hold_memory(r);
	return 0;
}

unsigned run_files(const struct run *r)
{
	unsigned i, n = 0;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		n += r->out[i].fd != 0;
	return n;
}

void run_done(struct run *r)
{
	int i;

	assert(list_empty(&r->link));
	for (i = 0; i < STREAM_OUTPUTS; i++)
		output_done(&r->out[i]);
	copies_done(r->copy);
}
