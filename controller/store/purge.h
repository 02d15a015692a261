/*
 * purge.h: the operation STORE_PURGE: a result, its tasks and its files go.
 */
#ifndef TASKFS_CONTROLLER_STORE_PURGE_H
#define TASKFS_CONTROLLER_STORE_PURGE_H

#include "sql.h"

/* All at once, inside a transaction; -errno. */
int db_purge(struct db *db, struct store_op *op) must_check;
/* The files go after the rows that name them, and not before. */
void purge_behind(struct db *db, struct store_op *op, int err);
void purge_op_free(struct store_op *op);

/*
 * On a full disk: all of a result's tasks but a few go, some in each of many transactions,
 * because SQLite writes each page of their rows into its log. db_purge() takes the rest.
 * -ENOSPC: there is no room for the smallest part.
 */
int purge_in_parts(struct db *db, struct store_op *op) must_check;

#endif
