/*
 * service.h: a mount while it is served. Makes what each room keeps, connects to
 * the controller, mounts as soon as there is something to be seen, runs the loop,
 * and takes everything down again.
 */
#ifndef TASKFS_FS_SERVICE_H
#define TASKFS_FS_SERVICE_H

#include "mount.h"

struct tunnel;

struct service_options {
	struct mount_options mount;
	uint64_t wait;		/* for the controller's first answer; usec */
	struct tunnel *tunnel;	/* to where SOURCE is; NULL: here */
	uint64_t ready_fd;	/* told when it is mounted; UINT64_MAX: none */
};

/*
 * source: as the user wrote it; connfile: the connection file it means; dir: the
 * mount point. parent: a descriptor that gets a byte when it is mounted; or -1.
 * Returns the program's exit code.
 */
int service_run(const struct service_options *o, const char *source, char *dir,
		const char *connfile, int parent);
/* Says on stderr what is wrong. */
void service_complain(const char *what);

#endif
