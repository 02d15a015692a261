/*
 * ops.h: the operations of the store, one after the other, in its thread.
 */
#ifndef TASKFS_CONTROLLER_STORE_OPS_H
#define TASKFS_CONTROLLER_STORE_OPS_H

#include "sql.h"

/* Carries out one operation inside a transaction; -errno. */
int db_run(struct db *db, struct store_op *op) must_check;
char *db_meta(struct db *db, const char *key);

#endif
