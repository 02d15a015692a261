/*
 * store_sql.h: the statements behind store.h: what one operation does to the
 * database and the output files. Used by the store's thread (and, before that
 * runs, by loading); knows nothing of threads or loops.
 */
#ifndef TASKFS_STORE_SQL_H
#define TASKFS_STORE_SQL_H

#include "store.h"

struct db {
	sqlite3 *sql;
	char *outputs;		/* the directory of big outputs */
	bool full;
	sqlite3_stmt *stmt[32];
};

int db_open(struct db *db, const char *dir, bool full, struct buf *why)
	must_check;
void db_close(struct db *db);

int db_begin(struct db *db) must_check;
int db_commit(struct db *db) must_check;
void db_rollback(struct db *db);
/* Carries out one operation inside a transaction; -errno. */
int db_run(struct db *db, struct store_op *op) must_check;
int db_load(struct db *db, const struct store_visitor *v) must_check;
char *db_meta(struct db *db, const char *key);

#endif
