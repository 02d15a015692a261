/*
 * wal.h: the log of tasks.db (tasks.db-wal), read without SQLite.
 *
 * SQLite reads its log until something is wrong, and takes that for the end:
 * that is right where a process was killed while it wrote. Where more was
 * committed behind that place, the log is damaged, and all of it would be lost
 * without a word. See "The WAL file format" of SQLite's documentation.
 */
#ifndef TASKFS_CONTROLLER_STORE_WAL_H
#define TASKFS_CONTROLLER_STORE_WAL_H

#include "base/buf.h"

/* 0: SQLite loses nothing, or there is no log. -EUCLEAN: *why says what; -errno. */
int wal_check(const char *path, struct buf *why) must_check;

/*
 * Writes the log anew without the pages that are damaged, so that SQLite reads
 * those behind them. *ret_lost: how many were left out (one page may be older
 * than the others then). 0: nothing was wrong.
 */
int wal_mend(const char *path, uint64_t *ret_lost) must_check;

#endif
