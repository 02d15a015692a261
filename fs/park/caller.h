/*
 * caller.h: which process asks, and what it asked before.
 *
 * tasks/last and tasks/error answer each process with its own submissions: a
 * submission is recorded under the process that opened tasks/new and under
 * all its living ancestors; a question finds the nearest record going up from
 * the one who asks. So `read id < tasks/last` is right in a shell, in its
 * subshells and in what they run, whatever others submit meanwhile.
 *
 * The kernel names threads (FUSE.md: ctx->pid is one), so first the process
 * is found. A process is its pid with its start time: pids come again. The
 * table is bounded; the processes heard of longest ago are forgotten.
 */
#ifndef TASKFS_FS_PARK_CALLER_H
#define TASKFS_FS_PARK_CALLER_H

#include "base/base.h"
#include "base/list.h"
#include "base/map.h"

#define CALLERS_MAX 4096
#define CALLERS_DEPTH 64	/* ancestors looked at */
#define CALLER_ERROR 1024	/* bytes of an error kept */
#define CALLER_UNTOLD 16384	/* results whose end a process may ask for */

struct process {
	pid_t pid;		/* 0: not known */
	pid_t parent;
	uid_t uid;		/* its effective one */
	uint64_t start;		/* clock ticks after boot */
};

struct callers {
	struct map known;
	struct list used;	/* oldest first */
};

/*
 * What a process, or a child of it, submitted, and was not told the end of yet
 * (tasks/any). The caller puts first those that it has found to have ended.
 */
struct untold {
	uint32_t *id;
	size_t first, ended;	/* id[first] to id[ended - 1] have ended, in order */
	size_t n, room;		/* up to id[n - 1] are those that had not */
	bool lost;		/* there were more than CALLER_UNTOLD */
};

void callers_init(struct callers *c);
void callers_done(struct callers *c);

/* The process of a thread. False: there is none (any more). */
bool process_of_thread(pid_t tid, struct process *ret_p) must_check;
/*
 * The thread is at its end because of a signal: its descriptors are closed, but
 * by nobody's will. False when that cannot be known.
 */
bool process_is_killed(pid_t tid) must_check;
/* The same by reading only what is asked of /proc/<pid>/stat's text. */
bool process_parse_stat(struct bytes text, struct process *ret_p) must_check;
bool process_parse_killed(struct bytes text) must_check;

/*
 * p submitted results; ids that are 0 are none. The last is its last. There is no
 * error now, unless it is to be kept: something else of the same text was refused.
 */
void callers_submitted(struct callers *c, const struct process *p,
		       const uint64_t *ids, unsigned n, bool keep_error);
/* A submission of p was refused. */
void callers_refused(struct callers *c, const struct process *p,
		     const char *why);

/* The same of a thread, about anything it may not do or cannot; err. */
int callers_refuse(struct callers *c, pid_t tid, int err, const char *why);
/* Of a name for something: "NAME" is `what`. -EINVAL. */
int callers_refuse_name(struct callers *c, pid_t tid, struct bytes name,
			const char *what);

/* Who asks is a thread. 0: none. */
uint64_t callers_last(struct callers *c, pid_t tid);
/* Of the process whose last result that is; the caller may change it. NULL: none. */
struct untold *callers_untold(struct callers *c, pid_t tid);
/* NULL: none. Valid until the next change. */
const char *callers_error(struct callers *c, pid_t tid);

#endif
