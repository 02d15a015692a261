#include "base/loop.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <zmq.h>

struct loop {
	zmq_pollitem_t *item;	/* [0, n): one per watch */
	struct watch **watch;	/* the same order; NULL: removed this turn */
	size_t n, room;
	bool holes;		/* some of watch[] are NULL */

	struct timer **heap;
	size_t timers, timer_room;

	struct list work;

	struct watch signal_watch;
	void (*on_signal)(void *arg, int signo);
	void *signal_arg;

	bool stopped;
	int code;
};

struct loop *loop_new(void)
{
	struct loop *l = zalloc(sizeof(*l));

	list_init(&l->work);
	l->signal_watch.fd = -1;
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signal_watch.fd >= 0)
		close(l->signal_watch.fd);
	free(l->item);
	free(l->watch);
	free(l->heap);
	free(l);
}

/* --- watches ------------------------------------------------------------ */

void loop_add(struct loop *l, struct watch *w)
{
	assert(!w->loop);
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 16;
		l->item = xreallocarray(l->item, l->room, sizeof(*l->item));
		l->watch = xreallocarray(l->watch, l->room, sizeof(*l->watch));
	}
	w->loop = l;
	w->slot = l->n;
	l->watch[l->n] = w;
	l->item[l->n] = (zmq_pollitem_t){
		.socket = w->socket,
		.fd = w->fd,
		.events = w->events,
	};
	l->n++;
}

void loop_remove(struct watch *w)
{
	struct loop *l = w->loop;

	if (!l)
		return;
	l->watch[w->slot] = NULL;
	l->item[w->slot].revents = 0;
	l->holes = true;
	w->loop = NULL;
}

void watch_want(struct watch *w, short events)
{
	w->events = events;
	if (w->loop)
		w->loop->item[w->slot].events = events;
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

static void run_watches(struct loop *l)
{
	size_t n = l->n;
	size_t i;

	for (i = 0; i < n; i++) {
		short got = l->item[i].revents;

		if (!l->watch[i] || !got)
			continue;
		l->item[i].revents = 0;
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

static long poll_timeout(const struct loop *l)
{
	uint64_t now;

	if (!list_empty(&l->work))
		return 0;
	if (!l->timers)
		return -1;
	now = mono_usec();
	if (l->heap[0]->due <= now)
		return 0;
	return (long)min_u64((l->heap[0]->due - now + 999) / 1000, 3600000);
}

/* --- the end of the turn ------------------------------------------------ */

void loop_defer(struct loop *l, struct work *w)
{
	if (w->queued)
		return;
	w->queued = true;
	list_add_tail(&l->work, &w->link);
}

void work_cancel(struct work *w)
{
	if (!w->queued)
		return;
	w->queued = false;
	list_del(&w->link);
}

static void run_work(struct loop *l)
{
	struct list now = LIST_INIT(now);

	while (!list_empty(&l->work)) {
		struct list *first = l->work.next;

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

/* ZeroMQ's event bits are its own. */
static void translate(struct loop *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		short z = 0;

		if (l->watch[i]->events & POLLIN)
			z |= ZMQ_POLLIN;
		if (l->watch[i]->events & POLLOUT)
			z |= ZMQ_POLLOUT;
		if (l->watch[i]->events & POLLPRI)
			z |= ZMQ_POLLPRI;
		l->item[i].events = z;
	}
}

static void translate_back(struct loop *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		short z = l->item[i].revents, got = 0;

		if (z & ZMQ_POLLIN)
			got |= POLLIN;
		if (z & ZMQ_POLLOUT)
			got |= POLLOUT;
		if (z & ZMQ_POLLPRI)
			got |= POLLPRI;
		if (z & ZMQ_POLLERR)
			got |= POLLERR;
		l->item[i].revents = got;
	}
}

int loop_run(struct loop *l)
{
	while (!l->stopped) {
		close_holes(l);
		translate(l);
		if (zmq_poll(l->item, (int)l->n, poll_timeout(l)) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		translate_back(l);
		run_watches(l);
		run_timers(l);
		run_work(l);
	}
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	if (l->stopped)
		return;
	l->stopped = true;
	l->code = code;
}
