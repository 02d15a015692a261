/*
 * local.h: big outputs of tasks that have ended, where they are: in files of a
 * controller on this host (wire/nearby.h).
 */
#ifndef TASKFS_FS_OPEN_LOCAL_H
#define TASKFS_FS_OPEN_LOCAL_H

#include "link/link.h"
#include "park/reply.h"
#include "wire/stream.h"

/* Smaller ones are in the database. */
#define LOCAL_LEAST (64 * KIB)

/* A descriptor for local_close(); 0: it is to be fetched. */
int local_open(const struct link *l, uint64_t result, uint32_t task,
	       enum stream s, uint64_t size);
/* n bytes at off; false: they would have to come from the disk first, or are too many:
 * they are to be fetched. */
bool local_read(int fd, uint64_t off, size_t n, struct answer *a);
void local_close(int fd);

#endif
