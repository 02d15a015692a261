/*
 * users.h: a bridge that was started by a mount ends when no mount uses it.
 *
 * Who uses it has pid/users of the cluster directory locked (flock, shared).
 * Tasks that were given in are finished before, unless they are held.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_USERS_H
#define TASKFS_CONTROLLER_MOUNTS_USERS_H

#include "core/controller.h"

/* Watches from now on. -errno. */
int users_watch(struct controller *c) must_check;
void users_done(struct controller *c);

#endif
