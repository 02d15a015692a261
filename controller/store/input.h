/*
 * input.h: reads pieces of what was submitted: code, stdin, items.
 */
#ifndef TASKFS_CONTROLLER_STORE_INPUT_H
#define TASKFS_CONTROLLER_STORE_INPUT_H

#include "sql.h"

/*
 * The operations STORE_READ of such a stream, and STORE_ITEMS; -errno. -EIO of
 * db_read_items(): the map does not have so many tasks.
 */
int db_read_input(struct db *db, struct store_op *op) must_check;
int db_read_items(struct db *db, struct store_op *op) must_check;

#endif
