/*
 * shrink.h: the database gets smaller after a purge.
 */
#ifndef TASKFS_CONTROLLER_STORE_SHRINK_H
#define TASKFS_CONTROLLER_STORE_SHRINK_H

#include "sql.h"

/* shrink.c: one step; false: it was the last. */
bool db_shrink(struct db *db) must_check;

/* At a start: one that was made by a program that never did so. */
void db_shrink_old(struct db *db);

#endif
