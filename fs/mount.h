/*
 * mount.h: SOURCE, DIR and -o as mount(8) gives them, and the mount itself.
 */
#ifndef TASKFS_FS_MOUNT_H
#define TASKFS_FS_MOUNT_H

#include "base/buf.h"
#include "tree/fs.h"

struct mount_options {
	struct buf fuse;	/* for libfuse: "ro,nosuid" */
	bool nonempty;
	bool background;	/* do not wait for a controller */
	bool allow_other;
	bool noinotify;
};

/*
 * One -o: a list with commas. -EINVAL: *why names the word that is unknown.
 */
int mount_options_add(struct mount_options *m, const char *list,
		      struct buf *why) must_check;
void mount_options_done(struct mount_options *m);

/*
 * The connection file SOURCE means: a file; in a cluster directory; or of the
 * cluster of that name below $XDG_STATE_HOME/taskfs; or, when there is none, of
 * the ipyparallel profile of that name. Absolute; it need not be
 * there. The caller frees. NULL: *why says why not.
 */
char *mount_source(const char *source, struct buf *why);
/* Of a SOURCE that is a name: the two directories it can mean. */
void mount_say_places(const char *source, struct buf *why);

/*
 * DIR, absolute (the caller frees), ready to be mounted on; a dead mount
 * there is detached. NULL: *why says what is wrong.
 */
char *mount_dir(const char *dir, const struct mount_options *m,
		struct buf *why);

/* fs->se, mounted on fs->dir, its descriptor not blocking. -errno. */
int mount_start(struct fs *fs, const struct mount_options *m,
		struct buf *why) must_check;
/* Unmounts; NULL session is fine. */
void mount_end(struct fs *fs);

#endif
