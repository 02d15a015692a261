/*
 * launcher.h: the processes that make the tasks' processes, as the engine has them.
 *
 * A launcher makes the processes of one task at a time. It is their parent, and the
 * subreaper of whatever they leave behind: what belongs to a task is what is below
 * its launcher. It waits for all of that and says what became of it
 * (struct launch_word). An idle launcher is used again.
 *
 * It is small for a reason. The peak of memory that wait4() tells of a process begins
 * with the peak of the memory it left at its exec (the kernel's exec_mmap()), and
 * that is the memory of who made it. So the engine, through which large inputs and
 * outputs go, neither makes tasks' processes nor launchers: it forks a mother at its
 * beginning, and that one makes launchers when they are needed.
 *
 * The engine is the parent of mother and launchers, and its plain wait() sees neither:
 * LAUNCHER_SIGNAL and not SIGCHLD tells of their end (wait(2), __WCLONE). What it
 * sees are orphans of a launcher that was killed. For /proc all of them are children:
 * the pids of mother and launchers stand in `spared`, which the owner gives to kin.h's
 * functions.
 *
 * All of them die with the engine. Should somebody kill the mother, the engine makes
 * another one, of what size the engine then is. Who kills a launcher kills its task.
 */
#ifndef TASKFS_ENGINE_LAUNCHER_H
#define TASKFS_ENGINE_LAUNCHER_H

#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/spawn.h"
#include "kin.h"
#include "parcel.h"

#include <sched.h>
#include <signal.h>

/* A launcher has died, or the mother; nobody else sends it. */
#define LAUNCHER_SIGNAL SIGURG

struct launcher {
	struct list link;	/* in `idle` or `busy` */
	struct launchers *all;
	pid_t pid;
	struct watch watch;	/* its socket */
	bool large;		/* its last request was */
	struct log_limit stops;
	void *user;		/* whose task it has; NULL: it is idle */
};

/* The owner fills in the first four; all is borrowed. */
struct launchers {
	struct loop *loop;
	struct kin *spared;
	/* LAUNCH_ENDED of l's task. When it says `all`, l is idle already, and
	 * `user` is told for the last time. */
	void (*said)(void *user, const struct launch_word *w);
	/* It is dead, and the task is being killed; `user` hears no more. */
	void (*died)(void *user);

	pid_t mother;		/* 0: there is none now */
	int fd;			/* the mother's requests and answers */
	struct list idle, busy;
	struct parcel parcel;	/* of the request that is under way */
	struct rlimit files;	/* of the tasks: as it was at the beginning */
	size_t n;		/* mother and launchers that stand in `spared` */
};

/* Before anything large is in memory. 0 or -errno; launchers_done() in either case. */
int launchers_init(struct launchers *ls) must_check;
void launchers_done(struct launchers *ls);

/* Where what a launcher makes is to be. */
struct bind {
	cpu_set_t *set;		/* processors; NULL: as before */
	size_t size;		/* bytes of that */
	const char *group;	/* a cgroup (subgroup.h); NULL: the engine's */
};

/*
 * As spawn_start(), by a launcher. *ret_l has the task then, for `user`; NULL: that
 * launcher has died since, as with died(). -E2BIG: so much no system takes;
 * -ETIMEDOUT: no answer.
 */
pid_t launchers_start(struct launchers *ls, const struct spawn *s,
		      const struct bind *bind, void *user, struct launcher **ret_l,
		      enum spawn_step *ret_step) must_check;
/* It has said that the main process has ended, and that was not heard yet. */
bool launcher_has_said(const struct launcher *l);
/* It stays with what cannot be killed, and is not used again. */
void launcher_abandon(struct launcher *l);

/* Looks for those that have ended or were stopped (LAUNCHER_SIGNAL, SIGCHLD). */
void launchers_reap(struct launchers *ls);

#endif
