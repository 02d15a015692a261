/*
 * run.h: one task in a child process: its pipes, its clock, its end.
 *
 * run_init() once per struct run, run_start(), then `grew` whenever there is
 * more output and `ended` exactly once, as the last call, from the loop. What
 * became of the run, and its outputs, stay until run_done().
 *
 * As many runs as there are descriptors for, side by side. Whatever process is found
 * below the launcher of a run (launcher.h) belongs to it: when its main process has
 * ended, everything it left behind is killed before `ended` is called. A run whose
 * launcher was killed is killed too, and what it left behind comes to this process:
 * it is an orphan, and killed. The owner of the loop gives every SIGCHLD and
 * LAUNCHER_SIGNAL to runner_reap().
 */
#ifndef TASKFS_RUN_H
#define TASKFS_RUN_H

#include "base/loop.h"
#include "base/spawn.h"
#include "command.h"
#include "copy.h"
#include "kin.h"
#include "launcher.h"
#include "memory.h"
#include "output.h"
#include "pipes.h"
#include "wire/stream.h"

#include <sys/resource.h>


/* Why a run was ended by us. */
enum run_cause {
	RUN_BY_ITSELF,
	RUN_ABORT,
	RUN_TIME_LIMIT,
	RUN_OUTPUT_LIMIT,
	RUN_OUTPUT_ERROR,
	RUN_MEMORY_LIMIT,
	RUN_LEAVING,	/* the engine ends */
};

/* What all runs of this process have in common; the owner fills it in. */
struct runner {
	struct loop *loop;
	struct spool *spool;
	uint64_t output_limit;	/* bytes per stream */
	uint64_t grace;		/* usec from TERM to KILL */
	int null_fd;		/* /dev/null, for reading */
	struct list runs;	/* struct run: those that run */
	struct launchers launchers;
	struct memory_watch memory;
	struct kin spared;	/* mother and launchers; orphans that do not die */
	const char *groups;	/* where cgroups can be made (subgroup.h), or NULL */
};

struct run {
	/* the owner's */
	void (*grew)(struct run *r, enum stream s);
	void (*ended)(struct run *r);
	struct bind bind;	/* the set is borrowed, the cgroup its own */
	uint64_t memory_limit;	/* bytes of all of its processes; 0: none */
	bool terminal;		/* standard output and error are to be one */
	struct copy copy[STREAM_OUTPUTS]; /* opened before run_start() */
	/* to be read after `ended` */
	struct output out[STREAM_OUTPUTS];
	enum run_cause cause;
	int cause_err;		/* RUN_OUTPUT_ERROR: -errno */
	int status;		/* as wait() gives it */
	bool unkillable;	/* given up; status is made up */
	bool starved;		/* the kernel has killed it for want of memory */
	struct rusage usage;
	int64_t began, ended_at;	/* now_usec() */
	int64_t steady_began, steady_ended;	/* steady_usec(); 0: not yet */
	/* its own */
	struct runner *runner;
	struct list link;	/* in runner.runs, or in no list */
	struct launcher *launcher;	/* NULL while it runs: it was killed */
	pid_t pid;		/* its main process, also the group's id */
	bool reaped;		/* the main process is gone */
	unsigned rounds;	/* of killing what it left behind */
	struct pipes pipes;
	struct timer quiet, limit, kill;
	struct memory_hold hold;
	char *group;		/* its cgroup; NULL: it has none of its own */
	int64_t kills;		/* memory_kills() in its first moments; -1: unknown */
};

struct run_failure {
	enum spawn_step step;
	int err;
	bool terminal;		/* there is no terminal to be had */
};

/*
 * Before anything large is in memory, see launcher.h. 0 or -errno; runner_done()
 * in either case.
 */
int runner_init(struct runner *rr) must_check;
void runner_done(struct runner *rr);
/* Looks after launchers, and waits for orphans that have ended. */
void runner_reap(struct runner *rr);

void run_init(struct run *r, struct runner *rr);
/*
 * Starts the command (or its next ways). stdin_fd: what it reads, -1 for
 * nothing; stays the caller's. time_limit in usec, 0: none. cwd: NULL for the
 * engine's. 0, or -errno and *ret_failure says where; then `ended` will not
 * be called.
 */
int run_start(struct run *r, struct command *c, int stdin_fd,
	      const char *cwd, uint64_t time_limit,
	      struct run_failure *ret_failure) must_check;
/* It may run so long from its beginning on, in usec; 0: without a limit. */
void run_limit(struct run *r, uint64_t time_limit);
/* Notes that the run begins, or has ended, now. */
void run_note_start(struct run *r);
void run_note_end(struct run *r);
/* To all of its processes. -ESRCH: it has ended. */
int run_signal(struct run *r, int signo);
/* TERM, after the grace KILL. The first cause is the one that counts. */
void run_end(struct run *r, enum run_cause cause);
/* KILL. */
void run_kill(struct run *r);
/* It goes on without us: the engine ends and leaves it to the guard. */
void run_forget(struct run *r);
/* How many files its outputs have. */
unsigned run_files(const struct run *r);
/* The outputs go. Not while it runs. */
void run_done(struct run *r);

#endif
