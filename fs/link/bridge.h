/*
 * bridge.h: a mount of an ipyparallel cluster: a taskfs-controller of its own
 * stands between (see taskfs-controller(1), --upstream).
 *
 * It begins when the controller of the connection file turns out to be one of
 * ipyparallel: the bridge of that file is started, or is there already for
 * another mount, and the link goes there from then on. Its results are in
 * $XDG_STATE_HOME/taskfs/.bridges. It ends by itself when no mount uses it; one
 * that dies is started again.
 */
#ifndef TASKFS_FS_LINK_BRIDGE_H
#define TASKFS_FS_LINK_BRIDGE_H

#include "base/buf.h"
#include "base/loop.h"

struct link;

struct bridge {
	struct link *link;
	char *program;		/* taskfs-controller */
	char *upstream;		/* the connection file of ipyparallel's */
	char *dir;		/* the bridge's cluster directory */
	int users;		/* locked while the mount lives; -1: not begun */
	pid_t child;		/* 0: none of ours runs */
	uint64_t started;	/* mono_usec() */
	struct timer tick;
};

void bridge_init(struct bridge *b, struct link *link);
void bridge_done(struct bridge *b);
/* The link has found one of ipyparallel. -errno: *why says what to do. */
int bridge_begin(struct bridge *b, struct buf *why) must_check;

#endif
