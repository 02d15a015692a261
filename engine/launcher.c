#include "launcher.h"
#include "subgroup.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define STACK_SIZE (64 * 1024)
/* So many launchers may be killed under one start. */
#define TRIES 3
/* A launcher that is stopped more often than this is killed, with its task. */
#define STOPS 5
#define STOPS_USEC (60 * USEC_PER_SEC)

/* --- processes ----------------------------------------------------------- */

static void kill_and_wait(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static void spare(struct launchers *ls, pid_t pid)
{
	kin_add(ls->spared, pid);
	ls->n++;
}

static void spare_no_more(struct launchers *ls, pid_t pid)
{
	kin_remove(ls->spared, pid);
	ls->n--;
}

/* --- the mother ---------------------------------------------------------- */

static int make_mother(struct launchers *ls)
{
	static char stack[STACK_SIZE] __attribute__((aligned(64)));
	struct launch_birth b = {.area = ls->parcel.area, .engine = getpid(),
				 .files = ls->files};
	int fd[2], err = launch_sockets(fd);
	pid_t pid;

	if (err)
		return err;
	b.fd = fd[1];
	pid = clone(launch_mother, stack + STACK_SIZE, LAUNCHER_SIGNAL, &b);
	if (pid < 0) {
		err = -errno;
		close(fd[0]);
	} else {
		ls->mother = pid;
		ls->fd = fd[0];
		spare(ls, pid);
	}
	close(fd[1]);
	return err;
}

/* She has been waited for. */
static void forget_mother(struct launchers *ls)
{
	spare_no_more(ls, ls->mother);
	close(ls->fd);
	ls->fd = -1;
	ls->mother = 0;
}

static void mother_lost(struct launchers *ls)
{
	log_warning("the process that makes launchers is gone; there will be "
		    "another one, but the memory of small tasks is told too "
		    "large until the engine is started again");
	forget_mother(ls);
}

/* A launcher at the other end of `socket`: its pid, or -errno. */
static pid_t bear(struct launchers *ls, int socket)
{
	struct launch_word w;
	int err = ls->mother ? 0 : make_mother(ls);

	if (!err)
		err = launch_ask(ls->fd, &socket, 1);
	if (!err)
		err = launch_await(ls->fd, ls->mother, &w);
	if (!err)
		return w.number;
	if (ls->mother && (err == -EPIPE || err == -ETIMEDOUT)) {
		kill_and_wait(ls->mother);
		mother_lost(ls);
	}
	return err;
}

/* --- launchers ----------------------------------------------------------- */

static void to_idle(struct launcher *l)
{
	l->user = NULL;
	list_del(&l->link);
	list_add(&l->all->idle, &l->link);
}

static void pass_on(struct launcher *l, const struct launch_word *w)
{
	void *user = l->user;

	if (!user || w->what != LAUNCH_ENDED)
		return;
	if (w->all)
		to_idle(l);
	l->all->said(user, w);
}

static void ready(struct watch *watch, short events)
{
	struct launcher *l = container_of(watch, struct launcher, watch);
	struct launch_word w = {.what = LAUNCH_BORN}, next;
	int err = 0;

	(void)events;
	/* The last word of a task counts: all that was said before is in it. */
	while (!w.all && (err = launch_hear(watch->fd, &next)) == 0)
		w = next;
	if (err == -EPIPE)
		loop_remove(watch);	/* LAUNCHER_SIGNAL comes */
	pass_on(l, &w);
}

static struct launcher *launcher_new(struct launchers *ls, pid_t pid, int fd)
{
	struct launcher *l = zalloc(sizeof(*l));

	l->all = ls;
	l->pid = pid;
	l->watch = (struct watch){.ready = ready, .fd = fd, .events = POLLIN};
	loop_add(ls->loop, &l->watch);
	list_add(&ls->idle, &l->link);
	spare(ls, pid);
	return l;
}

static void launcher_free(struct launcher *l)
{
	list_del(&l->link);
	loop_remove(&l->watch);
	close(l->watch.fd);
	free(l);
}

/* It has been waited for. */
static void bury(struct launcher *l)
{
	struct launchers *ls = l->all;
	void *user;
	struct launch_word w;

	/* What it could still say counts. */
	while (launch_hear(l->watch.fd, &w) == 0)
		pass_on(l, &w);
	user = l->user;
	spare_no_more(ls, l->pid);
	launcher_free(l);
	if (user)
		ls->died(user);
}

static int make_launcher(struct launchers *ls, struct launcher **ret_l)
{
	int err, tries = TRIES, fd[2];
	pid_t pid;

	do {
		err = launch_sockets(fd);
		if (err)
			return err;
		pid = bear(ls, fd[1]);
		close(fd[1]);
		if (pid < 0)
			close(fd[0]);
	} while (pid == -EPIPE && --tries);
	if (pid < 0)
		return pid;
	*ret_l = launcher_new(ls, pid, fd[0]);
	return 0;
}

static int get_launcher(struct launchers *ls, struct launcher **ret_l)
{
	if (list_empty(&ls->idle))
		return make_launcher(ls, ret_l);
	*ret_l = list_first(&ls->idle, struct launcher, link);
	return 0;
}

bool launcher_has_said(const struct launcher *l)
{
	char c;

	return recv(l->watch.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void launcher_abandon(struct launcher *l)
{
	launcher_free(l);	/* and its pid is spared */
}

/* --- a request ----------------------------------------------------------- */

/* 0: it was told to start it; what came of that is in the area. */
static int request(struct launcher *l, const struct spawn *s)
{
	struct launchers *ls = l->all;
	struct launch_word w;
	int fds[SPAWN_FDS], err;
	unsigned i;

	for (i = 0; i < s->nfds; i++)
		fds[i] = s->fds[i].from;
	ls->parcel.area->was_large = l->large;
	l->large = parcel_is_large(&ls->parcel);
	err = launch_ask(l->watch.fd, fds, s->nfds);
	return err ? err : launch_await(l->watch.fd, l->pid, &w);
}

/*
 * There is no launcher any more that could say more of it. What is neither dead nor
 * executing its program is left behind.
 */
static void give_up(struct launcher *l, int err, pid_t made)
{
	struct kin *spared = l->all->spared;

	log_warning("the process that started a task is gone");
	kill_and_wait(l->pid);
	bury(l);
	if (err == -ETIMEDOUT && made > 0) {
		kill(made, SIGKILL);
		kin_add(spared, made);
	}
}

/* 0: *ret_l has answered, and what it made is in the area. */
static int start(struct launchers *ls, const struct spawn *s,
		 const struct bind *bind, struct launcher **ret_l)
{
	struct launcher *l = NULL;
	int err = get_launcher(ls, &l);

	if (err)
		return err;
	*ret_l = l;
	/* A process has the processors of who makes it. */
	if (bind->set && sched_setaffinity(l->pid, bind->size, bind->set) < 0 &&
	    errno != ESRCH)
		return -errno;
	/* What cannot go there is watched. */
	if (bind->group)
		(void)!subgroup_add(bind->group, l->pid);
	err = request(l, s);
	if (err == -EPIPE || err == -ETIMEDOUT)
		give_up(l, err, ls->parcel.area->made.pid);
	return err;
}

pid_t launchers_start(struct launchers *ls, const struct spawn *s,
		      const struct bind *bind, void *user, struct launcher **ret_l,
		      enum spawn_step *ret_step)
{
	const volatile struct spawned *made = &ls->parcel.area->made;
	struct launcher *l = NULL;
	int err, tries = TRIES;

	*ret_step = SPAWN_EXEC;
	*ret_l = NULL;
	if (!parcel_put(&ls->parcel, s))
		return -E2BIG;
	do {
		err = start(ls, s, bind, &l);
	} while (err == -EPIPE && !made->pid && !made->err && --tries);
	if (made->err && (!err || err == -EPIPE)) {
		*ret_step = made->step;
		return -made->err;
	}
	if (err && (err != -EPIPE || !made->pid)) {
		*ret_step = SPAWN_FORK;
		return err;
	}
	if (!err) {
		list_del(&l->link);
		list_add(&ls->busy, &l->link);
		l->user = user;
		*ret_l = l;
	}
	return made->pid;
}

/* --- their life ---------------------------------------------------------- */

static struct launcher *find_in(struct list *list, pid_t pid)
{
	struct list *i;

	list_for_each(i, list)
		if (list_entry(i, struct launcher, link)->pid == pid)
			return list_entry(i, struct launcher, link);
	return NULL;
}

static struct launcher *find(struct launchers *ls, pid_t pid)
{
	struct launcher *l = find_in(&ls->busy, pid);

	return l ? l : find_in(&ls->idle, pid);
}

static void ended(struct launchers *ls, pid_t pid)
{
	struct launcher *l = find(ls, pid);

	if (pid == ls->mother) {
		mother_lost(ls);
	} else if (l) {
		log_warning(l->user ? "the launcher of a task was killed, and "
				      "so is the task"
				    : "an idle launcher was killed",
			    log_int("pid", pid));
		bury(l);
	} else if (kin_has(ls->spared, pid)) {
		spare_no_more(ls, pid);	/* one that was left behind */
	}
}

/* A task can stop its launcher: nobody would hear of that task any more. */
static void go_on(struct launchers *ls, pid_t pid)
{
	struct launcher *l = find(ls, pid);
	unsigned skipped;

	if (!l || log_allowed(&l->stops, STOPS, STOPS_USEC, &skipped)) {
		kill(pid, SIGCONT);
		return;
	}
	log_warning("a launcher is stopped again and again; it is killed",
		    log_int("pid", pid));
	kill(pid, SIGKILL);
}

void launchers_reap(struct launchers *ls)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | __WCLONE)) >
	       0) {
		if (WIFSTOPPED(status))
			go_on(ls, pid);
		else
			ended(ls, pid);
	}
}

int launchers_init(struct launchers *ls)
{
	int err = parcel_init(&ls->parcel);

	ls->fd = -1;
	list_init(&ls->idle);
	list_init(&ls->busy);
	if (!err && getrlimit(RLIMIT_NOFILE, &ls->files) < 0)
		err = -errno;
	return err ? err : make_mother(ls);
}

static void end_all(struct list *list)
{
	while (!list_empty(list)) {
		struct launcher *l = list_first(list, struct launcher, link);

		l->user = NULL;
		kill_and_wait(l->pid);
		bury(l);
	}
}

void launchers_done(struct launchers *ls)
{
	end_all(&ls->idle);
	end_all(&ls->busy);
	if (ls->mother) {
		kill_and_wait(ls->mother);
		forget_mother(ls);
	}
	parcel_done(&ls->parcel);
}
