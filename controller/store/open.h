/*
 * open.h: the database is opened, made, upgraded, and accepted when it makes sense.
 */
#ifndef TASKFS_CONTROLLER_STORE_OPEN_H
#define TASKFS_CONTROLLER_STORE_OPEN_H

#include "sql.h"

/*
 * open.c: opens tasks.db in dir, makes it when there is none, brings an
 * older one up to date. What is damaged, or lacks a part, is refused and left as
 * it is: -EUCLEAN. A sentence in *why.
 */
int db_open(struct db *db, const char *dir, bool full, struct buf *why)
	must_check;

/*
 * The same, to look at: nothing is made, brought up to date or changed. With
 * -EUCLEAN it may be open nevertheless (db->sql), as far as SQLite can.
 */
int db_open_readonly(struct db *db, const char *dir, struct buf *why)
	must_check;
void db_close(struct db *db);

/* All was read and is whole: what opening changed is there from now on; -errno. */
int db_accept(struct db *db) must_check;

/* The connection alone; the names of the files stay. */
void db_disconnect(struct db *db);

/* Sets path, outputs and lost. */
void db_name_files(struct db *db, const char *dir);

/* The tables as they have to be, in a database without any; -errno. */
int db_make_tables(struct db *db) must_check;

#endif
