/*
 * spool.h: the engine's private directory (mode 0700): scripts while they
 * run, and unlinked files for whatever is too big for memory.
 *
 * Made by the guard before there is a worker, removed by whichever of the two
 * ends last. A task can remove it, and so can who cleans up /tmp: it is made
 * anew, at the same place, when it is needed.
 */
#ifndef TASKFS_SPOOL_H
#define TASKFS_SPOOL_H

#include "base/base.h"
#include "wire/ids.h"
#include "wire/nearby.h"

struct spool {
	const char *dir;	/* borrowed */
	unsigned long made;	/* so many scripts and directories: their names */
	int lock;		/* of one that was made anew; 0: none */
	/* Where big outputs go while the controller is on this host (wire/nearby.h). */
	int nearby;		/* that directory; 0: none */
	char owner[ID_SIZE];	/* the names of our files there begin with this */
};

/*
 * A new directory in `parent` (NULL: $TMPDIR or /tmp). 0 or -errno; the
 * caller frees *ret_dir. Removes those of engines of the same user that were
 * killed with their guards: as long as a process has *ret_lock open, this one
 * is in use.
 */
int spool_make(const char *parent, char **ret_dir, int *ret_lock) must_check;
/*
 * It is there, ours, and nobody else's to look into: otherwise it is made anew,
 * and that is logged. -EPERM: somebody else has something in its place; -errno.
 */
int spool_ensure(struct spool *s) must_check;
/* Removes what is in the directory. */
void spool_clear(const char *dir);
/* Removes the directory with all that is in it. One that is gone is fine; -errno. */
int spool_remove(const char *dir);

/* The controller says that its outputs are in that directory (NULL: it does not say),
 * and which instance it is: if that is here, outputs begun from now on go there. */
void spool_set_nearby(struct spool *s, const char *outputs,
		      const char *instance);
/* A new file in the directory of the controller, with its name; -ENOENT: there is no
 * such directory; -errno. As long as it is open nobody else removes it. */
int spool_file_nearby(struct spool *s, char name[NEARBY_NAME]) must_check;
/* Whether the controller that we have now would find it. */
bool spool_is_nearby(const struct spool *s, const char *name, int fd);
void spool_drop_nearby(const struct spool *s, const char *name, int fd);

/* A new file without a name, for reading and writing; -errno. */
int spool_file(struct spool *s) must_check;
/*
 * A file of mode 0700 with this text, closed, so that it can be executed.
 * 0 or -errno; the caller unlinks and frees *ret_path.
 */
int spool_script(struct spool *s, struct bytes text, char **ret_path)
	must_check;

/* An empty directory. 0 or -errno; *ret_path is for spool_drop_dir(). */
int spool_dir(struct spool *s, char **ret_path) must_check;
/*
 * Frees the path and removes the directory with all that is in it, in the
 * background when that is anything. What cannot be removed goes with the spool.
 */
void spool_drop_dir(char *path);

#endif
