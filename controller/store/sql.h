/*
 * sql.h: the statements behind store.h: what one operation does to the
 * database and the output files. Used by the store's thread (and, before that
 * runs, by loading); knows nothing of threads or loops.
 */
#ifndef TASKFS_CONTROLLER_STORE_SQL_H
#define TASKFS_CONTROLLER_STORE_SQL_H

#include "base/map.h"
#include "store.h"

/* Of the tables. Bump with every change of them, and add a step to upgrade(). */
#define DB_VERSION 4

/* A task's key: its result and its index in one integer. */
#define INDEX_BITS 24

struct db {
	sqlite3 *sql;
	char *path;		/* tasks.db */
	char *outputs;		/* the directory of big outputs */
	char *lost;		/* where what nobody names is put */
	bool full;
	bool made_log;		/* there was none; to be removed if empty */
	bool shrinks;		/* something was deleted: db_shrink() */
	bool shrunk;		/* it has given pages back */
	uint64_t until;		/* mono_usec(): then a query ends */
	struct map forget;	/* files: key -> bits of streams, see below */
	char said[160];		/* SQLite's first error, in its words */
	sqlite3_stmt *stmt[40];
};

int db_begin(struct db *db) must_check;
int db_commit(struct db *db) must_check;
void db_rollback(struct db *db);

int64_t store_key(uint64_t result, uint32_t index);

/* Statements of more than one file; each is prepared once. */
enum statement {
	S_RECORD,
	S_RECORD_END,
	S_RECORD_IO,
	S_RESUBMITTED,
	S_RECORD_BUFFER,
	S_READ_BUFFERS,
	S_PURGE_RECORD,
	S_PURGE_BUFFERS,
	S_BEGIN,
	S_COMMIT,
	S_ROLLBACK,
	S_RESULT,
	S_TASK,
	S_INPUT,
	S_HELD,
	S_HOLD_TASK,
	S_RELEASE_TASK,
	S_PURGE_HELD,
	S_OPTIONS,
	S_DEPS,
	S_REST,
	S_PURGE_RESULT,
	S_PURGE_TASKS,
	S_PURGE_BEGUN,
	S_BEGUN,
	S_ENGINE,
	S_ENGINE_GONE,
	S_META,
	S_META_GET,
	S_READ, /* one per stream from here */
};
/* NULL: it cannot be prepared. */
sqlite3_stmt *db_statement(struct db *db, int i);
/* Runs one that gives no rows, and makes it ready for the next; -errno. */
int db_finish(sqlite3_stmt *st) must_check;

/* Statements without a result; the first integer of a query; -errno. */
int db_exec(struct db *db, const char *text) must_check;
int db_query_int(struct db *db, const char *text, int64_t *ret_n) must_check;

/* An SQLite result code as -errno; 0 for OK, ROW and DONE. */
int sql_errno(int rc);
/* The same; keeps what SQLite says of it in db->said. */
int db_said(struct db *db, int rc) must_check;
/* A sentence of it for an error, unless *why has one. */
void db_say(const struct db *db, int err, struct buf *why);

#endif
