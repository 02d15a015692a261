/*
 * load.h: reading what the database has: all of it at the start, or a few rows.
 */
#ifndef TASKFS_CONTROLLER_STORE_LOAD_H
#define TASKFS_CONTROLLER_STORE_LOAD_H

#include "sql.h"

/* As store_load(); *ret_lost: how many files were put aside. */
int db_load(struct db *db, const struct store_visitor *v, uint64_t *ret_lost,
	    struct buf *why) must_check;

/* The reading alone: no files are put aside. */
int db_read_all(struct db *db, const struct store_visitor *v, struct buf *why)
	must_check;

/* Operations that live with the loading (load.c); -errno. */
int db_read_many(struct db *db, struct store_op *op) must_check;
int db_read_details(struct db *db, struct store_op *op) must_check;

#endif
