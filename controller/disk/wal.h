/*
 * wal.h: the log of tasks.db (tasks.db-wal), read without SQLite.
 *
 * SQLite reads its log until something is wrong, and takes that place for the end. That
 * is right when a process was killed while it wrote. But when there are commits behind
 * that place, the log is damaged, and they would be lost without a word. See "The WAL
 * file format" in SQLite's documentation.
 */
#ifndef TASKFS_CONTROLLER_STORE_WAL_H
#define TASKFS_CONTROLLER_STORE_WAL_H

#include "base/buf.h"

/* 0: SQLite loses nothing, or there is no log. -EUCLEAN: *why says what SQLite would
 * lose. -errno. */
int wal_check(const char *path, struct buf *why) must_check;

/*
 * Writes the log anew without the damaged pages, so that SQLite reads the pages behind
 * them. *ret_lost: how many pages were left out; 0: nothing was wrong. A page that was
 * left out may be older in the database than the others. -errno.
 */
int wal_mend(const char *path, uint64_t *ret_lost) must_check;

#endif
