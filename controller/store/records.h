/*
 * records.h: the records of the hub in the database.
 */
#ifndef TASKFS_CONTROLLER_STORE_RECORDS_H
#define TASKFS_CONTROLLER_STORE_RECORDS_H

#include "sql.h"

/* The records of ipyparallel's hub (records.c); -errno. */
int db_open_records(struct db *db) must_check;
int db_put_record(struct db *db, struct store_op *op) must_check;
int db_put_record_end(struct db *db, struct store_op *op) must_check;
int db_put_record_io(struct db *db, struct store_op *op) must_check;
int db_put_resubmitted(struct db *db, struct store_op *op) must_check;
int db_purge_record(struct db *db, uint64_t result) must_check;
int db_query(struct db *db, struct store_op *op) must_check;
/* What an operation with a record holds: frames of its message; and its end. */
uint64_t record_op_bytes(const struct store_op *op);
void record_op_free(struct store_op *op);

#endif
