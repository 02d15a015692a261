#include "base/loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <zmq.h>

/* So many of the crowd are told in one turn, at most. */
#define CROWD_READY 64

struct loop {
	struct pollfd *item;	/* [0, n): one per watch */
	struct watch **watch;	/* the same order; NULL: removed this turn */
	size_t n, room;
	bool holes;		/* some of watch[] are NULL */

	struct watch crowd;	/* the epoll(7); fd -1: there is none yet */
	struct epoll_event ready[CROWD_READY];	/* data.ptr NULL: removed */
	int nready;

	struct timer **heap;
	size_t timers, timer_room;

	struct list work, last_work;

	struct watch signal_watch;
	void (*on_signal)(void *arg, int signo);
	void *signal_arg;

	bool stopped;
	int code;
};

/* The loop whose sockets loop_socket_used() means: a program has one. */
static struct loop *the_loop;

struct loop *loop_new(void)
{
	struct loop *l = zalloc(sizeof(*l));

	list_init(&l->work);
	list_init(&l->last_work);
	l->signal_watch.fd = -1;
	l->crowd.fd = -1;
	the_loop = l;
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signal_watch.fd >= 0)
		close(l->signal_watch.fd);
	if (l->crowd.fd >= 0)
		close(l->crowd.fd);
	if (the_loop == l)
		the_loop = NULL;
	free(l->item);
	free(l->watch);
	free(l->heap);
	free(l);
}

/* --- the crowd ---------------------------------------------------------- */

static void crowd_ready(struct watch *w, short events)
{
	struct loop *l = container_of(w, struct loop, crowd);
	int i;

	(void)events;
	l->nready = epoll_wait(w->fd, l->ready, CROWD_READY, 0);
	for (i = 0; i < l->nready; i++) {
		struct watch *one = l->ready[i].data.ptr;

		if (one)
			one->ready(one, (short)l->ready[i].events);
	}
	l->nready = 0;
}

/* The bits of poll(2) and epoll(7) are the same. */
static int crowd_change(struct loop *l, int what, struct watch *w)
{
	struct epoll_event e = {.events = (unsigned short)w->events,
				.data.ptr = w};

	return epoll_ctl(l->crowd.fd, what, w->fd, &e);
}

/* False: it has to be watched as others are. */
static bool crowd_add(struct loop *l, struct watch *w)
{
	if (l->crowd.fd < 0) {
		l->crowd = (struct watch){.ready = crowd_ready,
					  .fd = epoll_create1(EPOLL_CLOEXEC),
					  .events = POLLIN};
		if (l->crowd.fd < 0)
			return false;
		loop_add(l, &l->crowd);
	}
	return crowd_change(l, EPOLL_CTL_ADD, w) == 0;
}

static void crowd_remove(struct loop *l, struct watch *w)
{
	int i;

	(void)crowd_change(l, EPOLL_CTL_DEL, w);
	for (i = 0; i < l->nready; i++)
		if (l->ready[i].data.ptr == w)
			l->ready[i].data.ptr = NULL;
}

/* --- watches ------------------------------------------------------------ */

static int watch_fd(const struct watch *w)
{
	size_t n = sizeof(int);
	int fd = w->fd;

	if (w->socket && zmq_getsockopt(w->socket, ZMQ_FD, &fd, &n) < 0)
		return -1;
	return fd;
}

/* What poll() is to look for: of a socket, that its descriptor wakes up. */
static short poll_events(const struct watch *w)
{
	if (!w->socket)
		return w->events;
	return w->events ? POLLIN : 0;
}

void loop_add(struct loop *l, struct watch *w)
{
	assert(!w->loop);
	w->loop = l;
	if (w->crowd && crowd_add(l, w))
		return;
	w->crowd = false;
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 16;
		l->item = xreallocarray(l->item, l->room, sizeof(*l->item));
		l->watch = xreallocarray(l->watch, l->room, sizeof(*l->watch));
	}
	w->slot = l->n;
	l->watch[l->n] = w;
	w->used = w->socket != NULL;
	w->got = 0;
	l->item[l->n] = (struct pollfd){
		.fd = watch_fd(w),
		.events = poll_events(w),
	};
	l->n++;
}

void loop_remove(struct watch *w)
{
	struct loop *l = w->loop;

	if (!l)
		return;
	w->loop = NULL;
	if (w->crowd) {
		crowd_remove(l, w);
		return;
	}
	l->watch[w->slot] = NULL;
	l->item[w->slot].fd = -1;
	l->item[w->slot].revents = 0;
	l->holes = true;
}

void watch_want(struct watch *w, short events)
{
	if (w->events == events)
		return;
	w->events = events;
	w->used = w->socket != NULL;
	if (w->loop && w->crowd)
		(void)crowd_change(w->loop, EPOLL_CTL_MOD, w);
	else if (w->loop)
		w->loop->item[w->slot].events = poll_events(w);
}

static struct watch *watch_of_socket(const void *socket)
{
	struct loop *l = the_loop;
	size_t i;

	for (i = 0; l && i < l->n; i++)
		if (l->watch[i] && l->watch[i]->socket == socket)
			return l->watch[i];
	return NULL;
}

void loop_socket_used(void *socket)
{
	struct watch *w = watch_of_socket(socket);

	if (w)
		w->used = true;
}

void loop_socket_empty(void *socket)
{
	struct watch *w = watch_of_socket(socket);

	/* It may take more, which nobody has asked yet. */
	if (w)
		w->used = (w->events & POLLOUT) != 0;
}

static void close_holes(struct loop *l)
{
	size_t from, to = 0;

	if (!l->holes)
		return;
	for (from = 0; from < l->n; from++) {
		if (!l->watch[from])
			continue;
		l->watch[to] = l->watch[from];
		l->item[to] = l->item[from];
		l->watch[to]->slot = to;
		to++;
	}
	l->n = to;
	l->holes = false;
}

/* What a socket has of what is wanted of it; ZeroMQ's bits are its own. */
static short socket_events(const struct watch *w)
{
	int z = 0;
	size_t n = sizeof(z);
	short got = 0;

	if (zmq_getsockopt(w->socket, ZMQ_EVENTS, &z, &n) < 0)
		return POLLERR;
	if (z & ZMQ_POLLIN)
		got |= POLLIN;
	if (z & ZMQ_POLLOUT)
		got |= POLLOUT;
	return got & w->events;
}

/* Asks the sockets that were used; true when one of them is ready. */
static bool ask_used(struct loop *l)
{
	bool ready = false;
	size_t i;

	for (i = 0; i < l->n; i++) {
		struct watch *w = l->watch[i];

		if (w->socket && w->used && w->events) {
			w->got = socket_events(w);
			w->used = w->got != 0;
			ready |= w->used;
		}
	}
	return ready;
}

/* One that was used in this turn, and has not woken up, is asked before the next. */
static void run_socket(struct loop *l, size_t i)
{
	struct watch *w = l->watch[i];
	short got = w->got & w->events;

	if (!got && l->item[i].revents)
		got = socket_events(w);
	w->got = 0;
	l->item[i].revents = 0;
	if (!got)
		return;
	w->used = true;		/* there may be more than is taken now */
	w->ready(w, got);
}

static void run_watches(struct loop *l)
{
	size_t n = l->n;
	size_t i;

	for (i = 0; i < n; i++) {
		short got = l->item[i].revents;

		if (!l->watch[i])
			continue;
		if (l->watch[i]->socket) {
			run_socket(l, i);
			continue;
		}
		l->item[i].revents = 0;
		if (got)
			l->watch[i]->ready(l->watch[i], got);
	}
}

/* --- timers: a binary heap ---------------------------------------------- */

static void heap_place(struct loop *l, size_t i, struct timer *t)
{
	l->heap[i] = t;
	t->slot = i;
}

static void heap_up(struct loop *l, size_t i)
{
	struct timer *t = l->heap[i];

	while (i > 0 && l->heap[(i - 1) / 2]->due > t->due) {
		heap_place(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_place(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
	struct timer *t = l->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < l->timers &&
		    l->heap[child + 1]->due < l->heap[child]->due)
			child++;
		if (child >= l->timers || l->heap[child]->due >= t->due)
			break;
		heap_place(l, i, l->heap[child]);
		i = child;
	}
	heap_place(l, i, t);
}

void timer_set(struct loop *l, struct timer *t, uint64_t usec)
{
	timer_cancel(t);
	if (l->timers == l->timer_room) {
		l->timer_room = l->timer_room ? l->timer_room * 2 : 16;
		l->heap = xreallocarray(l->heap, l->timer_room,
					sizeof(*l->heap));
	}
	t->loop = l;
	t->due = mono_usec() + usec;
	heap_place(l, l->timers++, t);
	heap_up(l, t->slot);
}

void timer_cancel(struct timer *t)
{
	struct loop *l = t->loop;
	struct timer *last;
	size_t i = t->slot;

	if (!l)
		return;
	t->loop = NULL;
	last = l->heap[--l->timers];
	if (last == t)
		return;
	heap_place(l, i, last);
	heap_up(l, i);
	heap_down(l, last->slot);
}

static void run_timers(struct loop *l)
{
	uint64_t now;

	if (!l->timers)
		return;
	now = mono_usec();
	while (l->timers && l->heap[0]->due <= now) {
		struct timer *t = l->heap[0];

		timer_cancel(t);
		t->fire(t);
	}
}

static int poll_timeout(const struct loop *l)
{
	uint64_t now;

	if (!list_empty(&l->work) || !list_empty(&l->last_work))
		return 0;
	if (!l->timers)
		return -1;
	now = mono_usec();
	if (l->heap[0]->due <= now)
		return 0;
	return (int)min_u64((l->heap[0]->due - now + 999) / 1000, 3600000);
}

/* --- the end of the turn ------------------------------------------------ */

void loop_defer(struct loop *l, struct work *w)
{
	if (w->queued)
		return;
	w->queued = true;
	list_add_tail(w->last ? &l->last_work : &l->work, &w->link);
}

void work_cancel(struct work *w)
{
	if (!w->queued)
		return;
	w->queued = false;
	list_del(&w->link);
}

static void run_list(struct list *work)
{
	struct list now = LIST_INIT(now);

	while (!list_empty(work)) {
		struct list *first = work->next;

		list_del(first);
		list_add_tail(&now, first);
	}
	while (!list_empty(&now)) {
		struct work *w = list_first(&now, struct work, link);

		list_del(&w->link);
		w->queued = false;
		w->run(w);
	}
}

static void run_work(struct loop *l)
{
	run_list(&l->work);
	run_list(&l->last_work);
}

/* --- signals ------------------------------------------------------------ */

static void signal_ready(struct watch *w, short events)
{
	struct loop *l = container_of(w, struct loop, signal_watch);
	struct signalfd_siginfo si;

	(void)events;
	while (read(w->fd, &si, sizeof(si)) == sizeof(si))
		l->on_signal(l->signal_arg, (int)si.ssi_signo);
}

int loop_signals(struct loop *l, const int *signals,
		 void (*on_signal)(void *arg, int signo), void *arg)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	while (*signals)
		sigaddset(&set, *signals++);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	l->on_signal = on_signal;
	l->signal_arg = arg;
	l->signal_watch = (struct watch){
		.ready = signal_ready,
		.fd = fd,
		.events = POLLIN,
	};
	loop_add(l, &l->signal_watch);
	return 0;
}

/* --- the loop ----------------------------------------------------------- */

int loop_run(struct loop *l)
{
	while (!l->stopped) {
		close_holes(l);
		if (poll(l->item, l->n, ask_used(l) ? 0 : poll_timeout(l)) <
		    0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		run_watches(l);
		run_timers(l);
		run_work(l);
	}
	l->stopped = false;
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	if (l->stopped)
		return;
	l->stopped = true;
	l->code = code;
}
