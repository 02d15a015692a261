/*
 * place.h: the cluster directory: its parts, and that nobody else uses it.
 *
 * Laid out as an ipyparallel profile. Several clusters may share a profile by
 * ids; each with an id has a directory of its own for what it keeps,
 * cluster-ID. Those of ids that ipyparallel made up (nobody comes back to
 * them) go when they were not used for a week.
 */
#ifndef TASKFS_CONTROLLER_NET_PLACE_H
#define TASKFS_CONTROLLER_NET_PLACE_H

#include "core/controller.h"

/* Where the database is; caller frees. */
char *place_data(const char *dir, const char *cluster_id);
/* Makes the directories that are missing. -errno, and *why: a sentence; what others
 * own or can write to is refused. */
int place_make(const struct config *k, struct buf *why) must_check;
/* The lock is held while the process lives; -EWOULDBLOCK: somebody else holds it. */
int place_lock(const struct config *k) must_check;
/* The same for who only looks: makes no file; 0 if nobody ever held it. */
int place_lock_if_any(const struct config *k) must_check;
/* Removes clusters that nobody comes back to. */
void place_sweep(const struct config *k);

#endif
