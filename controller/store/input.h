/*
 * input.h: pieces of what was submitted.
 */
#ifndef TASKFS_CONTROLLER_STORE_INPUT_H
#define TASKFS_CONTROLLER_STORE_INPUT_H

#include "sql.h"

/*
 * What was submitted, in pieces (input.c); -errno. db_read_items(): -EIO:
 * the map has not so many tasks.
 */
int db_read_input(struct db *db, struct store_op *op) must_check;
int db_read_items(struct db *db, struct store_op *op) must_check;

#endif
