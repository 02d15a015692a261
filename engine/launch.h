/*
 * launch.h: the small processes beside the engine, from inside: the mother, which
 * makes launchers, and the launchers, each of which makes the processes of one task
 * at a time. What the engine does with them, launcher.h knows.
 *
 * Both serve one socket (SOCK_SEQPACKET) until it is closed. What is too much for a
 * message stands in an area of memory that all of them share, at the same place:
 * the pointers in it are good everywhere. It holds one request at a time: the engine
 * sends the next one, to whom it may be, when this one is answered.
 *
 * Who reads this on the other side must not trust that an answer comes: a process
 * can be killed or stopped by whoever likes to.
 */
#ifndef TASKFS_ENGINE_LAUNCH_H
#define TASKFS_ENGINE_LAUNCH_H

#include "base/spawn.h"

#include <sys/resource.h>
#include <sys/socket.h>

/* Arguments and environment; the kernel takes at most 6 MiB (execve(2)). */
#define LAUNCH_AREA ((size_t)8 * 1024 * 1024)

/* The head of the area; what `spawn` points to stands behind it. */
struct launch {
	struct spawned made;
	bool was_large;		/* the request before: forget its size */
	struct spawn spawn;
	struct spawn_fd fds[SPAWN_FDS];	/* `from` is the launcher's to fill in */
};

/* The descriptors of a request (cmsg(3)). */
union launch_rights {
	struct cmsghdr align;
	char space[CMSG_SPACE(SPAWN_FDS * sizeof(int))];
};

/* What a process of this file says. */
struct launch_word {
	enum {
		/*
		 * The mother: there is a launcher, its pid is `number`; or an errno,
		 * negative. It got its socket with the request.
		 */
		LAUNCH_BORN,
		/* A launcher: made->pid is executing, or made->err says why not. */
		LAUNCH_STARTED,
		/* A launcher: the task's main process has ended, `number` is its
		 * status as wait() gives it; maybe others are left. It says so
		 * again whenever some of those have ended. */
		LAUNCH_ENDED,
	} what;
	bool all;		/* of LAUNCH_ENDED: nothing is left of the task */
	int number;
	struct rusage usage;	/* of LAUNCH_ENDED: the main process's */
};

/* What the mother is born with. */
struct launch_birth {
	struct launch *area;
	int fd;
	pid_t engine;		/* it ends when that does */
	struct rlimit files;	/* of what it makes */
};

/* For clone(); arg: struct launch_birth. */
int launch_mother(void *arg);

#endif
