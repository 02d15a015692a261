#include "run.h"
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

/*
 * Most tasks end at once: for so long only their end is waited for, and what
 * they wrote is read then (the pipes hold 64 KiB).
 */
#define QUIET_USEC (3 * USEC_PER_MSEC)
/* A pipe that is read full once gets larger. */
#define PIPE_SIZE (1024 * 1024)
/* So long a process may take to die of SIGKILL. */
#define KILL_USEC (10 * USEC_PER_SEC)
/* What was left behind is killed again after so long, then twice that ... */
#define SWEEP_USEC (5 * USEC_PER_MSEC)
#define SWEEP_ROUNDS 10
/* Others may still write to what a task has left: no more than this. */
#define DRAIN_LIMIT ((size_t)16 * 1024 * 1024)

int runner_init(struct runner *rr)
{
	int err = launcher_init(&rr->launcher, &rr->spared);

	rr->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return !err && rr->null_fd < 0 ? -errno : err;
}

void runner_done(struct runner *rr)
{
	if (rr->null_fd >= 0)
		close(rr->null_fd);
	rr->null_fd = -1;
	launcher_done(&rr->launcher);
	kin_done(&rr->spared);
}

/* --- pipes -------------------------------------------------------------- */

static void pipe_close(struct run_pipe *p)
{
	loop_remove(&p->watch);
	if (p->watch.fd >= 0)
		close(p->watch.fd);
	p->watch.fd = -1;
}

static void close_pipes(struct run *r)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		pipe_close(&r->pipe[i]);
}

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

int run_signal(struct run *r, int signo)
{
	if (!r->pid || r->reaped)
		return -ESRCH;
	kin_signal(r->pid, signo, &r->runner->spared);
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
	if (!r->reaped)
		end_by(r, cause);
}

/* What one read brought goes to the output. */
static void take(struct run *r, enum stream s, struct bytes b)
{
	int err = output_put(&r->out[s], r->runner->spool, b,
			     r->runner->output_limit);

	if (!err)
		return;
	r->cause_err = err;
	end_by(r, err == -EFBIG ? RUN_OUTPUT_LIMIT : RUN_OUTPUT_ERROR);
	pipe_close(&r->pipe[s]);
}

static enum stream stream_of(const struct run_pipe *p)
{
	return (enum stream)(p - p->run->pipe);
}

/*
 * One read; true when there may be more. Whoever calls knows that the read
 * will not wait.
 */
static bool pipe_read(struct run_pipe *p)
{
	enum stream s = stream_of(p);
	ssize_t n = read(p->watch.fd, output_scratch(), OUTPUT_PIECE);

	if (n < 0)
		return false;
	if (n == 0) {
		pipe_close(p);
		return false;
	}
	if (n == 65536)
		(void)fcntl(p->watch.fd, F_SETPIPE_SZ, PIPE_SIZE);
	take(p->run, s, bytes_of(output_scratch(), (size_t)n));
	return p->watch.fd >= 0 && n >= 65536;
}

static void pipe_ready(struct watch *w, short events)
{
	struct run_pipe *p = container_of(w, struct run_pipe, watch);
	uint64_t before = p->run->out[stream_of(p)].size;

	(void)events;
	pipe_read(p);
	if (p->run->out[stream_of(p)].size > before)
		p->run->grew(p->run, stream_of(p));
}

/* It is no short task: from now on its pipes are read as they fill. */
static void quiet_over(struct timer *t)
{
	struct run *r = container_of(t, struct run, quiet);
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		struct watch *w = &r->pipe[i].watch;

		if (w->fd < 0)
			continue;
		(void)fcntl(w->fd, F_SETFL, O_NONBLOCK);
		loop_add(r->runner->loop, w);
	}
}

/* What is in the pipes now; nobody waits for their end. */
static void drain(struct run *r)
{
	size_t left = DRAIN_LIMIT / OUTPUT_PIECE;
	struct pollfd fd[STREAM_OUTPUTS];
	bool more = true;
	int i;

	while (more && left-- > 0) {
		for (i = 0; i < STREAM_OUTPUTS; i++)
			fd[i] = (struct pollfd){r->pipe[i].watch.fd, POLLIN, 0};
		if (poll(fd, STREAM_OUTPUTS, 0) <= 0)
			return;
		more = false;
		for (i = 0; i < STREAM_OUTPUTS; i++)
			if (fd[i].revents & POLLIN)
				more |= pipe_read(&r->pipe[i]);
	}
}

/* --- the end ------------------------------------------------------------ */

void run_forget(struct run *r)
{
	timer_cancel(&r->quiet);
	timer_cancel(&r->limit);
	timer_cancel(&r->kill);
	close_pipes(r);
	r->runner->current = NULL;
}

static void finish(struct run *r)
{
	drain(r);
	run_forget(r);
	r->ended(r);
}

/* Some processes do not die, in a dead filesystem perhaps. */
static void give_up(struct run *r)
{
	struct kin *spared = &r->runner->spared;
	struct kin children = KIN_INIT;
	size_t i, before = spared->n;

	kin_children(&children);
	for (i = 0; i < children.n; i++)
		if (!kin_has(spared, children.pid[i]))
			kin_add(spared, children.pid[i]);
	log_warning("processes of a task could not be killed",
		    log_int("pid", r->pid),
		    log_int("processes", (int64_t)(spared->n - before)));
	kin_done(&children);
	if (!r->reaped) {
		r->reaped = true;
		r->unkillable = true;
		r->status = SIGKILL;
		run_note_end(r);
	}
	finish(r);
}

/* Are there some that could not be killed? */
static bool has_stragglers(const struct runner *rr)
{
	return rr->spared.n > (rr->launcher.pid ? 1 : 0);
}

/*
 * The main process is gone, others are there: kill them, wait for SIGCHLD or
 * the timer. A list of children without any is believed only when there are
 * some that cannot be killed: it may miss one while another dies.
 */
static void sweep(struct run *r)
{
	const struct runner *rr = r->runner;

	if (kin_kill(&rr->spared) == 0 && has_stragglers(rr))
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

	if (r->reaped) {
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

/* Those of a kind of children that have ended; true: there are no others. */
static bool reap(struct runner *rr, int kind)
{
	struct run *r = rr->current;
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG | kind, &usage)) > 0) {
		if (r && pid == r->pid && !r->reaped)
			main_ended(r, status, &usage);
		else if (pid == rr->launcher.pid)
			launcher_died(&rr->launcher);
		else
			kin_remove(&rr->spared, pid);
	}
	return pid < 0 && errno == ECHILD;
}

void runner_reap(struct runner *rr)
{
	struct run *r = rr->current;
	bool all;

	(void)reap(rr, __WCLONE);
	all = reap(rr, 0);
	if (!r || !r->reaped)
		return;
	if (all)
		finish(r);
	else
		sweep(r);
}

/* --- the beginning ------------------------------------------------------ */

void run_init(struct run *r, struct runner *rr)
{
	int i;

	*r = (struct run){.runner = rr, .grew = r->grew, .ended = r->ended};
	r->quiet.fire = quiet_over;
	r->limit.fire = limit_over;
	r->kill.fire = kill_due;
	for (i = 0; i < STREAM_OUTPUTS; i++) {
		r->pipe[i].run = r;
		r->pipe[i].watch = (struct watch){
			.ready = pipe_ready,
			.fd = -1,
			.events = POLLIN,
		};
	}
}

/* Reading ends go to the run, writing ends to `write_end`. -errno. */
static int make_pipes(struct run *r, int write_end[STREAM_OUTPUTS])
{
	int i, fd[2];

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		if (pipe2(fd, O_CLOEXEC) < 0) {
			int err = -errno;

			while (i-- > 0)
				close(write_end[i]);
			close_pipes(r);
			return err;
		}
		r->pipe[i].watch.fd = fd[0];
		write_end[i] = fd[1];
	}
	return 0;
}

static int spawn(struct run *r, struct command *c, struct spawn *s,
		 struct run_failure *f)
{
	for (;;) {
		s->path = c->path;
		s->argv = c->argv;
		s->envp = c->envp;
		r->pid = launcher_start(&r->runner->launcher, s, &f->step);
		if (r->pid > 0)
			return 0;
		f->err = r->pid;
		r->pid = 0;
		if (f->step != SPAWN_EXEC || !command_next(c, f->err))
			return f->err;
	}
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

	assert(!r->runner->current);
	*ret_failure = (struct run_failure){.step = SPAWN_SETUP};
	err = make_pipes(r, write_end);
	if (err) {
		ret_failure->err = err;
		return err;
	}
	if (stdin_fd < 0)
		fds[0].from = r->runner->null_fd;
	for (i = 0; i < STREAM_OUTPUTS; i++)
		fds[1 + i] = (struct spawn_fd){write_end[i], 1 + i};
	run_note_start(r);
	err = spawn(r, c, &s, ret_failure);
	for (i = 0; i < STREAM_OUTPUTS; i++)
		close(write_end[i]);
	if (err) {
		close_pipes(r);
		return err;
	}
	r->runner->current = r;
	timer_set(r->runner->loop, &r->quiet, QUIET_USEC);
	if (time_limit)
		timer_set(r->runner->loop, &r->limit, time_limit);
	return 0;
}

void run_done(struct run *r)
{
	int i;

	assert(r->runner->current != r);
	for (i = 0; i < STREAM_OUTPUTS; i++)
		output_done(&r->out[i]);
}
