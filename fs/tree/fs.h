/*
 * fs.h: what one mount is: its configuration, and what each room keeps for it.
 *
 * There is one struct fs per process (service.c); everything else is reached from it. A
 * room that uses what another one keeps includes the header that defines it; who
 * may use whom is in doc/ARCHITECTURE.md. There is one thread (but see
 * notify/notifier.h). Nothing here waits: what cannot be answered now is parked.
 */
#ifndef TASKFS_FS_TREE_FS_H
#define TASKFS_FS_TREE_FS_H

#include "base/base.h"

struct fs {
	struct loop *loop;
	struct fuse_session *se;
	struct notifier *notifier;	/* inotify for what changes elsewhere */
	struct echo *echo;		/* the notifier's own requests */
	struct kernel *kernel;		/* the descriptor of /dev/fuse */
	struct metrics *metrics;
	struct tasks *tasks;		/* what is submitted here */
	struct drafts *drafts;		/* what is about to be */
	struct vars *vars;		/* values on their way to engines */
	struct numbered *views;		/* lists of engines that were looked up */
	struct queries *queries;	/* that were asked, and what they found */
	struct awaits *awaits;		/* LOOKUPs and GETATTRs that wait */
	struct mirror *mirror;		/* what is known of the cluster */
	struct sync *sync;		/* how it stays true */
	struct load *load;		/* what of it is asked for at need */
	struct link *link;		/* the line to the controller */
	struct bridge *bridge;		/* to one of ipyparallel */
	struct park *park;		/* requests that wait */
	struct callers *callers;	/* which process asked what */
	bool shared;		/* allow_other: the kernel asks whose it is */
	const char *source;	/* as the user wrote it */
	char *dir;		/* the mount point, absolute */
	int64_t born, begun;	/* when mounted: time of day; steady_usec() */
};

#endif
