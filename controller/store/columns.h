/*
 * columns.h: the columns of the records of the hub, as SQL.
 */
#ifndef TASKFS_CONTROLLER_STORE_COLUMNS_H
#define TASKFS_CONTROLLER_STORE_COLUMNS_H

#include "search.h"

/* The column with this name; -1: there is none. */
int record_column(const char *key);

#endif
