/*
 * pools.h: the rows of pools and launches, and what is done with them.
 */
#ifndef TASKFS_CONTROLLER_STORE_POOLS_H
#define TASKFS_CONTROLLER_STORE_POOLS_H

#include "sql.h"

/* The operations STORE_POOL, STORE_POOL_GONE, STORE_LAUNCH, STORE_LAUNCH_GONE; -errno. */
int db_put_pool(struct db *db, struct store_op *op) must_check;
int db_remove_pool(struct db *db, struct store_op *op) must_check;
int db_put_launch(struct db *db, struct store_op *op) must_check;
int db_remove_launch(struct db *db, struct store_op *op) must_check;
void pool_op_free(struct store_op *op);
void launch_op_free(struct store_op *op);

/*
 * A row of these statements. NULL, or, of one that cannot be, what is wrong with it.
 * The strings are SQLite's, until the next row.
 */
#define POOL_COLUMNS \
	"SELECT *,(SELECT count(*) FROM pools o WHERE o.name=pools.name) " \
	"FROM pools ORDER BY id"
#define LAUNCH_COLUMNS \
	"SELECT *,EXISTS(SELECT 1 FROM pools WHERE pools.id=pool)," \
	"(SELECT count(*) FROM launches o WHERE o.token=launches.token) " \
	"FROM launches ORDER BY id"
const char *pool_row_read(sqlite3_stmt *st, struct pool_row *ret_row) must_check;
const char *launch_row_read(sqlite3_stmt *st, struct launch_row *ret_row)
	must_check;

/* A name; options as JSON; resources as JSON, or NULL: they may stand in a row. */
bool pool_texts_good(const char *name, const char *options, const char *resources);

#endif
