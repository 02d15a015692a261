/*
 * memory.h: the memory of tasks: how much the processes of one have, which have more
 * than they may, and how often the kernel has killed for want of it.
 *
 * Those with a limit are looked at every now and then, and so seldom that it costs no
 * more than a twentieth of a processor. Without such there is no timer. What counts is
 * what no other process has besides, or a part of what several have (proc(5), Pss), and
 * no pages of files: the kernel takes these back when it needs them.
 */
#ifndef TASKFS_ENGINE_MEMORY_H
#define TASKFS_ENGINE_MEMORY_H

#include "base/list.h"
#include "base/loop.h"
#include "cgroup.h"

struct memory_watch {
	struct loop *loop;
	struct list holds;
	struct timer timer;
	char *kills;		/* the file that counts what the kernel has killed */
	int64_t killed;		/* what it said at `read`, mono_usec() */
	uint64_t read;
};

/* What the processes below `root` may have; the owner fills in all but `link`. */
struct memory_hold {
	struct list link;
	pid_t root;
	uint64_t limit;		/* bytes */
	const char *group;	/* their cgroup of version 2, that of subgroup.h; or NULL */
	/* They have more. Called once; the hold is out of the watch then. */
	void (*over)(struct memory_hold *h);
};

/* loop is borrowed. */
void memory_init(struct memory_watch *w, struct loop *loop);
void memory_done(struct memory_watch *w);
void memory_hold(struct memory_watch *w, struct memory_hold *h);
/* Also of one that is not held. */
void memory_let_go(struct memory_hold *h);

/* Bytes of all processes below root; those of RSS if that is not more than `enough`. */
uint64_t memory_used(pid_t root, uint64_t enough);

/* So many processes the kernel has killed for want of memory: in the cgroup of this
 * process, if that counts them, or on this host. -1: nobody knows. */
int64_t memory_kills(const struct memory_watch *w);
/* The same, at some time in the last tenth of a second: who asks often reads seldom. */
int64_t memory_kills_lately(struct memory_watch *w);
/* The file that counts them; the caller's. */
char *memory_kills_file(const struct cgroup_files *files);

#endif
