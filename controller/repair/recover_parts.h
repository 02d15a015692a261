/*
 * recover_parts.h: between the parts of --recover.
 *
 * First recover.c copies the old database and makes a new one. Into that salvage.c copies
 * the rows that can be read. Then repair.c repairs what no longer fits together. A task
 * that may have run never becomes one that will run. The old database has a connection of
 * its own: SQLite may refuse good tables on a connection that has met damage.
 */
#ifndef TASKFS_CONTROLLER_REPAIR_RECOVER_PARTS_H
#define TASKFS_CONTROLLER_REPAIR_RECOVER_PARTS_H

#include "store/sql.h"

#include <stdio.h>

struct recover {
	struct db db;	/* the new one */
	sqlite3 *old;
	FILE *out;
	bool log_lost;	/* something of the old one's log cannot be read */
	bool begun_lost;	/* the same of the table begun; salvage_rows() */
};

/* Appends a line to what the user is told. */
__attribute__((format(printf, 2, 3))) void
recover_say(struct recover *k, const char *format, ...);
/* Runs a statement, unless *err is set. Gives how many rows it changed. */
int64_t recover_change(struct recover *k, int *err, const char *text);
/* Prepares a text of sqlite3_mprintf(), which it frees; -errno. */
int recover_prepare(sqlite3 *sql, sqlite3_stmt **st, char *text) must_check;

/* Copies what can be read of the old database into the new one, and how many tasks
 * were begun into temp.old_begun. -errno: the new one cannot be written. */
int salvage_rows(struct recover *k) must_check;
/* Makes all rows fit together; uid and gid: the owner of what nobody owns. -errno. */
int repair_rows(struct recover *k, uid_t uid, gid_t gid) must_check;

#endif
