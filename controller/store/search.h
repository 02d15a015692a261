/*
 * search.h: looking up the task records of ipyparallel's hub: what clients ask for by
 * msg_id, and query. There is one for each task, also for those of the mounts: what a
 * client's own message said is stored as it was (the tables records and
 * record_buffers), all else follows from the result and its task.
 *
 * Looking them up is an operation of the store: a record_query says in SQL which, and
 * comes back with what was found.
 */
#ifndef TASKFS_CONTROLLER_STORE_SEARCH_H
#define TASKFS_CONTROLLER_STORE_SEARCH_H

#include "record_query.h"
#include "store.h"

/* EXTRA: JSON, and no member of a record that has none. */
enum record_kind {
	RECORD_TEXT, RECORD_JSON, RECORD_EXTRA, RECORD_DATE, RECORD_BUFFERS
};

/* columns.c: the names, as ipyparallel has them, and the SQL. */
extern const struct record_column_row {
	const char *key;
	enum record_kind kind;
	const char *sql;	/* of buffers: whether there are any, or NULL */
} record_columns[RECORD_COLUMNS];
/* What the columns are read from. */
extern const char record_tables[];

/* done's op has the query, op->err, and arg. */
void record_query_put(struct store *s, struct record_query *q,
		      void (*done)(struct store_op *op), void *arg);

#endif
