/*
 * store_recover_parts.h: between the parts of --recover.
 *
 * First it copies the rows that can be read (store_salvage.c). Then it repairs
 * what no longer fits together (store_repair.c). A task that may have run never
 * becomes one that will run. The old database has a connection of its own: SQLite
 * may refuse good tables on a connection that has met damage.
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

/* A line of what the user is told. */
__attribute__((format(printf, 2, 3))) void
recover_say(struct recover *k, const char *format, ...);
/* Runs a statement, unless *err is set. Gives how many rows it changed. */
int64_t recover_change(struct recover *k, int *err, const char *text);
/* Of a text of sqlite3_mprintf(), which it frees; -errno. */
int recover_prepare(sqlite3 *sql, sqlite3_stmt **st, char *text) must_check;

/* What can be read of the old database is in the new one then, and how many tasks
 * were begun in temp.old_begun. -errno: the new one cannot be written. */
int salvage_rows(struct recover *k) must_check;
/* What does not fit together, does. The owner of what nobody owns. -errno. */
int repair_rows(struct recover *k, uid_t uid, gid_t gid) must_check;

#endif
