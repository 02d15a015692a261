/*
 * open.h: opens the database, makes or upgrades it, and accepts it when all of it could
 * be read.
 */
#ifndef TASKFS_CONTROLLER_STORE_OPEN_H
#define TASKFS_CONTROLLER_STORE_OPEN_H

#include "sql.h"

/*
 * Opens tasks.db in dir, makes it when there is none, and upgrades one of an older
 * version. A database that is damaged, or lacks a part, is refused and left as it is:
 * -EUCLEAN, or another -errno, with a sentence in *why.
 */
int db_open(struct db *db, const char *dir, bool full, struct buf *why)
	must_check;

/*
 * Opens tasks.db only to look at it: nothing is made, upgraded or changed. After
 * -EUCLEAN the database may be open nevertheless (db->sql), as far as SQLite can
 * read it.
 */
int db_open_readonly(struct db *db, const char *dir, struct buf *why)
	must_check;
void db_close(struct db *db);

/* All was read and is whole: commits what opening has changed; -errno. */
int db_accept(struct db *db) must_check;

/* Closes the connection; db keeps the names of the files. */
void db_disconnect(struct db *db);

/* Sets path, outputs and lost. */
void db_name_files(struct db *db, const char *dir);

/* Makes all tables in a database that has none; -errno. */
int db_make_tables(struct db *db) must_check;

#endif
