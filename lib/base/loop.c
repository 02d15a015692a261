#include "base/loop.h"
#include "base/pollset.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <zmq.h>

/* So many watches are told in one turn, at most. */
#define READY 64

struct loop {
	int epoll;		/* -1: there is none, all watches are odd */
	struct pollset odd;	/* what epoll(7) does not take */
	uint64_t added;		/* so many watches, ever */
	struct list due;	/* those that are ready, as they were added; by watch.due */

	struct list sockets;	/* by watch.all */
	struct list used;	/* those that must be asked, by watch.use */

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

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	list_init(&l->sockets);
	list_init(&l->used);
	list_init(&l->due);
	list_init(&l->work);
	list_init(&l->last_work);
	l->signal_watch.fd = -1;
	the_loop = l;
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signal_watch.fd >= 0)
		close(l->signal_watch.fd);
	if (l->epoll >= 0)
		close(l->epoll);
	if (the_loop == l)
		the_loop = NULL;
	pollset_done(&l->odd);
	free(l->heap);
	free(l);
}

/* --- watches ------------------------------------------------------------ */

/* What is to be looked for: of a socket, that its descriptor wakes up. */
static short wanted(const struct watch *w)
{
	if (!w->socket)
		return w->events;
	return w->events ? POLLIN : 0;
}

/* The bits of poll(2) and epoll(7) are the same. */
static int epoll_change(struct loop *l, int what, struct watch *w)
{
	struct epoll_event e = {.events = (unsigned short)wanted(w),
				.data.ptr = w};

	return epoll_ctl(l->epoll, what, w->fd, &e);
}

static void mark_used(struct watch *w)
{
	list_del(&w->use);
	list_add_tail(&w->loop->used, &w->use);
}

static void add_socket(struct loop *l, struct watch *w)
{
	size_t n = sizeof(w->fd);

	if (zmq_getsockopt(w->socket, ZMQ_FD, &w->fd, &n) < 0)
		w->fd = -1;
	list_init(&w->use);
	list_add_tail(&l->sockets, &w->all);
	mark_used(w);
}

void loop_add(struct loop *l, struct watch *w)
{
	assert(!w->loop);
	w->loop = l;
	w->order = l->added++;
	w->got = 0;
	list_init(&w->due);
	if (w->socket)
		add_socket(l, w);
	w->odd = epoll_change(l, EPOLL_CTL_ADD, w) < 0;
	if (w->odd)
		pollset_add(&l->odd, w, wanted(w));
}

void loop_remove(struct watch *w)
{
	struct loop *l = w->loop;

	if (!l)
		return;
	w->loop = NULL;
	list_del(&w->due);
	if (w->socket) {
		list_del(&w->all);
		list_del(&w->use);
	}
	if (w->odd)
		pollset_remove(&l->odd, w);
	else
		(void)epoll_change(l, EPOLL_CTL_DEL, w);
}

void watch_want(struct watch *w, short events)
{
	short before = wanted(w);

	if (w->events == events)
		return;
	w->events = events;
	if (!w->loop)
		return;
	if (w->socket)
		mark_used(w);
	if (w->odd)
		pollset_want(&w->loop->odd, w, wanted(w));
	else if (wanted(w) != before)
		(void)epoll_change(w->loop, EPOLL_CTL_MOD, w);
}

/* --- sockets ------------------------------------------------------------ */

static struct watch *watch_of_socket(const void *socket)
{
	struct list *l;

	if (!the_loop)
		return NULL;
	list_for_each(l, &the_loop->sockets) {
		struct watch *w = list_entry(l, struct watch, all);

		if (w->socket == socket)
			return w;
	}
	return NULL;
}

void loop_socket_used(void *socket)
{
	struct watch *w = watch_of_socket(socket);

	if (w)
		mark_used(w);
}

void loop_socket_empty(void *socket)
{
	struct watch *w = watch_of_socket(socket);

	/* It may take more, which nobody has asked yet. */
	if (w && !(w->events & POLLOUT))
		list_del(&w->use);
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

/* --- a turn ------------------------------------------------------------- */

/*
 * What was added first is told first: the answer to a registration, say, before what
 * came with it by another socket. got: 0, a socket is to be asked.
 */
static void put_due(struct loop *l, struct watch *w, short got)
{
	struct list *before = l->due.prev;

	if (!list_empty(&w->due))
		return;
	w->got = got;
	while (before != &l->due &&
	       list_entry(before, struct watch, due)->order > w->order)
		before = before->prev;
	list_add(before, &w->due);
}

/* Asks the sockets that were used; true when one of them is ready. */
static bool ask_used(struct loop *l)
{
	while (!list_empty(&l->used)) {
		struct watch *w = list_first(&l->used, struct watch, use);
		short got = w->events ? socket_events(w) : 0;

		list_del(&w->use);
		if (got)
			put_due(l, w, got);
	}
	return !list_empty(&l->due);
}

/* A socket that says more later in this turn is asked before the next. */
static void tell(struct watch *w)
{
	short got = w->got;

	if (w->socket) {
		got = got ? got & w->events : socket_events(w);
		if (!got)
			return;
		mark_used(w);	/* there may be more than is taken now */
	}
	w->ready(w, got);
}

static void run_watches(struct loop *l)
{
	while (!list_empty(&l->due)) {
		struct watch *w = list_first(&l->due, struct watch, due);

		list_del(&w->due);
		tell(w);
	}
}

static int take_ready(struct loop *l, int timeout)
{
	struct epoll_event ready[READY];
	int i, n = epoll_wait(l->epoll, ready, READY, timeout);

	for (i = 0; i < n; i++) {
		struct watch *w = ready[i].data.ptr;

		put_due(l, w, w->socket ? 0 : (short)ready[i].events);
	}
	return n;
}

static void take_odd(struct loop *l)
{
	size_t i, n = pollset_size(&l->odd);
	short got;

	for (i = 0; i < n; i++) {
		struct watch *w = pollset_take(&l->odd, i, &got);

		if (w)
			put_due(l, w, w->socket ? 0 : got);
	}
}

/* False: it could not wait; errno says why. */
static bool wait_for_watches(struct loop *l, int timeout)
{
	if (l->epoll < 0 || pollset_size(&l->odd)) {
		if (pollset_wait(&l->odd, l->epoll, timeout) < 0)
			return false;
		take_odd(l);
		timeout = 0;
	}
	return l->epoll < 0 || take_ready(l, timeout) >= 0;
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
		if (!wait_for_watches(l, ask_used(l) ? 0 : poll_timeout(l))) {
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
