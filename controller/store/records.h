/*
 * records.h: the records of the hub in the database.
 */
#ifndef TASKFS_CONTROLLER_STORE_RECORDS_H
#define TASKFS_CONTROLLER_STORE_RECORDS_H

#include "sql.h"

/* Makes the functions that the SQL of records uses; -errno. */
int db_open_records(struct db *db) must_check;
/* The operations STORE_RECORD to STORE_QUERY; -errno. */
int db_put_record(struct db *db, struct store_op *op) must_check;
int db_put_record_end(struct db *db, struct store_op *op) must_check;
int db_put_record_io(struct db *db, struct store_op *op) must_check;
int db_put_resubmitted(struct db *db, struct store_op *op) must_check;
int db_query(struct db *db, struct store_op *op) must_check;
/* Removes the record of a result that is purged; -errno. */
int db_purge_record(struct db *db, uint64_t result) must_check;
/* For the rows of those operations in ops.c: bytes and free. */
uint64_t record_op_bytes(const struct store_op *op);
void record_op_free(struct store_op *op);

#endif
