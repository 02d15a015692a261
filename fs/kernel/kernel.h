/*
 * kernel.h: the descriptor of /dev/fuse in the loop.
 *
 * Requests are taken until there is none (with a budget). A program that
 * walks through files sends its next request some microseconds after the last
 * answer; sleeping and being woken in between costs it more than everything
 * else. So after an answer the descriptor is asked again for about 15 µs, as
 * long as that finds requests often enough to be worth it.
 */
#ifndef TASKFS_FS_KERNEL_KERNEL_H
#define TASKFS_FS_KERNEL_KERNEL_H

#include "base/loop.h"

struct fs;

struct kernel {
	struct fs *fs;
	struct watch watch;
	int worth;		/* how often asking again paid, 0 .. 16 */
	unsigned probe;		/* turns since it was last tried in vain */
};

/* From now on requests of fs->se are handled; ends the loop at unmount. */
void kernel_start(struct kernel *k, struct fs *fs);
void kernel_stop(struct kernel *k);
/* Outside of the loop: what comes within so many milliseconds. */
void kernel_serve(struct kernel *k, int ms);

#endif
