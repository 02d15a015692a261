/*
 * spawn.h: a child process described as data.
 *
 * The child starts with default signal dispositions and an empty signal mask,
 * in its own process group if asked, and with no descriptors but those named.
 * It is created with vfork(), or clone() in that way: nothing is copied, and
 * who made it stands still until the child has called exec.
 */
#ifndef TASKFS_SPAWN_H
#define TASKFS_SPAWN_H

#include "base/base.h"

struct spawn_fd {
	int from;	/* the parent's */
	int to;		/* the child's; 0 .. SPAWN_FDS - 1 */
};

#define SPAWN_FDS 16

struct spawn {
	const char *path;	/* what to execute; no search in PATH */
	char *const *argv;
	char *const *envp;
	const char *cwd;	/* NULL: the parent's */
	const struct spawn_fd *fds;
	unsigned nfds;
	bool own_group;		/* setpgid(0, 0) */
	int death_signal;	/* when the parent's thread ends; 0: none */
	bool default_signals;	/* the parent has called spawn_default_signals() */
};

/* Where starting a child went wrong. */
enum spawn_step {
	SPAWN_FORK,
	SPAWN_SETUP,
	SPAWN_CWD,
	SPAWN_EXEC,
};

/* The pid, or -errno with *ret_step (may be NULL) set; no child is left. */
pid_t spawn_start(const struct spawn *s, enum spawn_step *ret_step) must_check;

/* What became of a child until its exec. */
struct spawned {
	pid_t pid;	/* 0: there is none */
	int err;	/* an errno; 0: exec went well, or a signal killed it */
	enum spawn_step step;
};

/*
 * As spawn_start(), and what becomes of the child is written to *ret, which begins
 * empty, as it happens: in memory that is shared with another process, that one may
 * read there how far it came when we are killed meanwhile. For a process with one
 * thread, which has blocked its signals or handles none.
 */
void spawn_shown(const struct spawn *s, volatile struct spawned *ret);

/*
 * All signals do what they do by default: here, so that children need not see to that.
 */
void spawn_default_signals(void);

/*
 * The first executable file `name` in the directories of `path` (a PATH), or
 * `name` itself if it holds a slash. Caller frees; NULL: there is none.
 */
char *spawn_find(const char *name, const char *path);

#endif
