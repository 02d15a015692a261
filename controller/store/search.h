/*
 * search.h: looks up the records of tasks that ipyparallel's hub has: clients ask for
 * them by msg_id, or with a query. There is a record for each task, also for tasks of
 * mounts. What a client's own message said is stored as it was (in the tables `records`
 * and `record_buffers`); all else is made of the result and its task (columns.c).
 *
 * A look-up is an operation of the store (STORE_QUERY): a record_query says in SQL which
 * records are wanted, and comes back with those that were found.
 */
#ifndef TASKFS_CONTROLLER_STORE_SEARCH_H
#define TASKFS_CONTROLLER_STORE_SEARCH_H

#include "record_query.h"
#include "store.h"

/* RECORD_EXTRA is JSON; a record that has none has no such member either. */
enum record_kind {
	RECORD_TEXT, RECORD_JSON, RECORD_EXTRA, RECORD_DATE, RECORD_BUFFERS
};

/* The name of each column, as ipyparallel has it, and the SQL for it; in columns.c. */
extern const struct record_column_row {
	const char *key;
	enum record_kind kind;
	const char *sql;	/* of buffers: not NULL when there may be any */
} record_columns[RECORD_COLUMNS];
/* The tables that the SQL of the columns reads. */
extern const char record_tables[];

#endif
