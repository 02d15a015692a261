/*
 * parcel.h: what the engine sends to the processes of launch.h, and how it hears their
 * answer: the other side of that file.
 */
#ifndef TASKFS_ENGINE_PARCEL_H
#define TASKFS_ENGINE_PARCEL_H

#include "launch.h"

/* What stays of the area's memory when a request was larger. */
#define PARCEL_KEPT ((size_t)64 * 1024)

/* The area that all of them share, and what of it is in use. */
struct parcel {
	struct launch *area;
	size_t used;		/* bytes */
};

/* 0 or -errno; parcel_done() in either case. */
int parcel_init(struct parcel *p) must_check;
void parcel_done(struct parcel *p);
/* A child to start goes into the area. False: it is more than any system takes. */
bool parcel_put(struct parcel *p, const struct spawn *s) must_check;
static inline bool parcel_is_large(const struct parcel *p)
{
	return p->used > PARCEL_KEPT;
}

/* The engine's end, and the other one. 0 or -errno. */
int launch_sockets(int fd[2]) must_check;
/* A request with n descriptors (at most SPAWN_FDS). -EPIPE: nobody is there. */
int launch_ask(int fd, const int *fds, unsigned n) must_check;
/* The next word, if there is one. -EAGAIN; -EPIPE: there will be none. */
int launch_hear(int fd, struct launch_word *ret) must_check;
/*
 * Waits until process `pid` has answered; or is gone (-EPIPE), and so is the doubt
 * about what it made: a child has the other end of the socket until its exec or its
 * end. -ETIMEDOUT.
 */
int launch_await(int fd, pid_t pid, struct launch_word *ret) must_check;

#endif
