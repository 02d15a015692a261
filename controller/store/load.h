/*
 * load.h: reads what the database has: all of it at the start, or a few rows.
 */
#ifndef TASKFS_CONTROLLER_STORE_LOAD_H
#define TASKFS_CONTROLLER_STORE_LOAD_H

#include "sql.h"

/* As store_load(). */
int db_load(struct db *db, const struct store_visitor *v, uint64_t *ret_lost,
	    struct buf *why) must_check;

/* Only reads: the database stays as it is, and so do the files. */
int db_read_all(struct db *db, const struct store_visitor *v, struct buf *why)
	must_check;

/* As store_load_pools(). */
int db_read_pools(struct db *db, const struct store_visitor *v, struct buf *why)
	must_check;

/* The operations STORE_READ_MANY and STORE_DETAILS; -errno. */
int db_read_many(struct db *db, struct store_op *op) must_check;
int db_read_details(struct db *db, struct store_op *op) must_check;
/* As store_meta(). */
char *db_meta(struct db *db, const char *key);

#endif
