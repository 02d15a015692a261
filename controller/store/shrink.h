/*
 * shrink.h: the database gets smaller after a purge.
 */
#ifndef TASKFS_CONTROLLER_STORE_SHRINK_H
#define TASKFS_CONTROLLER_STORE_SHRINK_H

#include "sql.h"

/* Takes one step; false: it was the last. */
bool db_shrink(struct db *db) must_check;

/* Writes the log back into the database, if it can, and empties it. */
void db_empty_log(struct db *db);
/* At the start: for a database of an older program, which never gave pages back. */
void db_shrink_old(struct db *db);

#endif
