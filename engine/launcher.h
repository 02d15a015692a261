/*
 * launcher.h: the process that makes the tasks' processes.
 *
 * The peak of memory that wait4() tells of a process begins with the peak of
 * the memory it left at its exec (the kernel's exec_mmap()), and that is the
 * memory of who made it. So it is not the engine, through which large inputs
 * and outputs go, that makes them, but a small process that the engine forks at
 * its beginning. What it makes are the engine's children, not its own
 * (spawn_for_parent()): the engine waits for them, and kills them.
 *
 * The engine's wait() does not see the launcher: LAUNCHER_SIGNAL and not
 * SIGCHLD tells of its end (wait(2), __WCLONE). So that wait() says ECHILD when
 * nothing is left of a task. For /proc it is a child like others: its pid stands
 * in `spared`, which the owner gives to kin.h's functions.
 *
 * It dies with the engine. Should somebody kill it, the next start makes another
 * one, of what size the engine then is.
 */
#ifndef TASKFS_ENGINE_LAUNCHER_H
#define TASKFS_ENGINE_LAUNCHER_H

#include "base/spawn.h"
#include "kin.h"

#include <signal.h>

/* The launcher has died, or a process before its exec; nobody else sends it. */
#define LAUNCHER_SIGNAL SIGURG

struct launch;

struct launcher {
	pid_t pid;		/* 0: there is none now */
	int fd;			/* requests and answers */
	struct launch *area;	/* shared: what to start, what became of it */
	size_t used;		/* bytes of the area */
	struct kin *spared;	/* the owner's */
};

/* 0 or -errno. launcher_done() in either case. */
int launcher_init(struct launcher *l, struct kin *spared) must_check;
void launcher_done(struct launcher *l);

/* As spawn_start(). -E2BIG: so much no system takes; -ETIMEDOUT: no answer. */
pid_t launcher_start(struct launcher *l, const struct spawn *s,
		     enum spawn_step *ret_step) must_check;
/* Somebody waited for l->pid and got it. */
void launcher_died(struct launcher *l);

#endif
