/*
 * fs.h: the room of taskfs: the cluster as files.
 *
 *   main, mount     the command line, the mount, the loop
 *   nodes           THE TABLE of the tree; root, controller, engines, tasks,
 *                   results, events: the functions its rows name
 *   tree            lookup, readdir, getattr: loops over the table
 *   kernel, ops     the kernel's requests; reply: the answers to them
 *   file, stream    an open file; bytes by offset, fetched from the controller
 *   park            requests that wait, and what wakes them
 *   mirror, merge   what is known of the cluster, and how it gets known
 *   link, request   the line to the controller; questions to it
 *   bridge          to a controller of ipyparallel
 *   sync            keeps the mirror true
 *   metrics         what is counted
 *   timeline        a picture of who ran what when (plan, cells); picture:
 *                   of a result
 *   group, lane     the tasks of a map or view; their bytes as one file
 *   load, detail    what changes do not tell of them; want: who waits for it
 *   submit, control what writers want of the controller
 *   caller          which process asks
 *   draft, blob     submissions in the making
 *   notifier, tell  inotify events for what changes elsewhere
 *   notes, watchers, own   what happened; who watches; its own requests
 *   view            engines used as one
 *   vars            variables of engines (see vars.h)
 *
 * One struct fs per process, in main.c; everything else is reached from it.
 * One thread. Nothing here waits: what cannot be answered now is parked.
 */
#ifndef TASKFS_FS_FS_H
#define TASKFS_FS_FS_H

#include "base/base.h"

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include "base/loop.h"
#include "bridge.h"
#include "caller.h"
#include "draft.h"
#include "kernel.h"
#include "link.h"
#include "metrics.h"
#include "load.h"
#include "mirror.h"
#include "notifier.h"
#include "park.h"
#include "sync.h"
#include "texts.h"
#include "view.h"

struct fs {
	struct loop *loop;
	struct fuse_session *se;
	struct kernel kernel;
	struct park park;
	struct mirror mirror;
	struct link link;
	struct bridge bridge;
	struct sync sync;
	struct metrics metrics;
	struct load load;
	struct wants wants;
	struct callers callers;
	struct drafts drafts;
	struct texts names;	/* what was submitted under a name */
	struct notifier notifier;
	struct texts views;	/* lists of engines that were looked up */
	struct list pushes;		/* push.c's */
	struct list scatters;		/* scatter.c's */
	struct var_name *var_made;	/* vars.c's */
	struct list submissions;	/* submit.c's */
	bool shared;		/* allow_other: the kernel asks whose it is */
	const char *source;	/* as the user wrote it */
	char *dir;		/* the mount point, absolute */
	int64_t born, begun;	/* when mounted: time of day; steady_usec() */
};

/* Seconds the kernel may keep what never changes. */
#define FOREVER 86400.0
/* ... and a name that is there until someone purges it elsewhere. */
#define A_MOMENT 1.0

#endif
