/*
 * loop.h: the one loop of a program: one epoll(7) over descriptors, ZeroMQ
 * sockets, signals and timers, and work put off to the end of the turn.
 *
 * (Not zmq_poll(): that asks every socket whether it has something, which are
 * two system calls for each, each turn. Here only those are asked whose
 * descriptor woke up or that were used since.) A turn costs what is ready, and not
 * what there is.
 *
 * Watches, timers and works are embedded in what they belong to; their owner
 * fills in the callback, adds them, and removes them before it is freed.
 * Everything may be called from inside callbacks. One thread.
 *
 * A turn: wait; the ready watches, in the order in which they were added; the
 * timers that are due; then the deferred work, until there is none (work that
 * defers itself again waits for the next turn).
 */
#ifndef TASKFS_LOOP_H
#define TASKFS_LOOP_H

#include "base/base.h"
#include "base/list.h"

#include <poll.h>

struct loop;

struct watch {
	void (*ready)(struct watch *w, short events); /* POLLIN, POLLOUT ... */
	int fd;			/* of a socket: the loop sees to it */
	void *socket;		/* a ZeroMQ socket, borrowed */
	short events;		/* POLLIN, POLLOUT, POLLPRI; see watch_want() */
	/* the loop's */
	struct loop *loop;
	bool odd;		/* poll(2) watches it (pollset.h), in this slot */
	size_t slot;
	struct list due;
	uint64_t order;		/* of being added */
	short got;		/* what it is ready for */
	struct list all, use;	/* of a socket */
};

struct timer {
	void (*fire)(struct timer *t);
	/* the loop's */
	struct loop *loop;	/* NULL: not set */
	uint64_t due;		/* mono_usec() */
	size_t slot;
};

struct work {
	void (*run)(struct work *w);
	bool last;		/* behind all other work of the turn */
	/* the loop's */
	struct list link;
	bool queued;
};

struct loop *loop_new(void);
/* NULL is fine. Nothing may be added any more. */
void loop_free(struct loop *l);

void loop_add(struct loop *l, struct watch *w);
/* A watch that is in no loop is fine. */
void loop_remove(struct watch *w);
/* Other events from now on; 0 keeps the watch, without events. */
void watch_want(struct watch *w, short events);

/*
 * Whoever sends on a ZeroMQ socket says so here: sending also takes in what
 * has arrived, and its descriptor says nothing of that any more (zmq_getsockopt,
 * ZMQ_FD). msg_send() and msg_forward() do; a socket no loop watches is fine.
 */
void loop_socket_used(void *socket);
/*
 * Whoever read all that a ZeroMQ socket had, up to EAGAIN, may say so here:
 * what comes from then on wakes its descriptor, and the socket is not asked
 * before. msg_recv() does; a socket no loop watches is fine.
 */
void loop_socket_empty(void *socket);

/* Once, usec microseconds from now; a set timer is moved. */
void timer_set(struct loop *l, struct timer *t, uint64_t usec);
void timer_cancel(struct timer *t);
static inline bool timer_is_set(const struct timer *t)
{
	return t->loop != NULL;
}

/* At the end of this turn, once however often it is asked for. */
void loop_defer(struct loop *l, struct work *w);
void work_cancel(struct work *w);

/*
 * Blocks the signals (a zero ends the list) for this thread and its later
 * children and gives them to `on_signal` from the loop. Call it before any
 * thread exists (a ZeroMQ context has threads). -errno.
 */
int loop_signals(struct loop *l, const int *signals,
		 void (*on_signal)(void *arg, int signo), void *arg) must_check;

/*
 * Runs until loop_stop(), to the end of that turn; returns its code, or -errno when
 * polling fails. What is in the loop stays there: it may be run again.
 */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int code);

#endif
