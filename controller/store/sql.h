/*
 * sql.h: the connection to the database, its statements and transactions, and what
 * SQLite's errors are here. It knows nothing of threads or loops: the store's thread uses
 * it, and before anything is put the loop's, which loads.
 */
#ifndef TASKFS_CONTROLLER_STORE_SQL_H
#define TASKFS_CONTROLLER_STORE_SQL_H

#include "base/map.h"
#include "disk/reserve.h"
#include "store.h"

/* The version of the tables. Who changes a table adds one, and a step to upgrade(). */
#define DB_VERSION 6

/* The key of a task: its result and its index in one integer. */
#define INDEX_BITS 24

struct db {
	sqlite3 *sql;
	char *path;		/* tasks.db */
	char *outputs;		/* the directory of big outputs */
	char *lost;		/* the directory of files that no row names */
	bool full;		/* a commit survives a loss of power */
	bool made_log;		/* SQLite made the log, which may be empty */
	bool shrinks;		/* something was deleted: db_shrink() has work */
	bool shrunk;		/* db_shrink() has given pages back */
	uint64_t until;		/* mono_usec(): when a query has to end */
	struct reserve reserve;
	/* files.c: which files go after the transaction: the key of a task -> a bit for
	 * each stream. */
	struct map forget;
	char said[160];		/* SQLite's first error, in its words */
	sqlite3_stmt *stmt[48];
};

/* An error of what was just done: -ENOSPC when a quota is used up. */
int db_no_room(struct db *db, int err) must_check;
int db_begin(struct db *db) must_check;
int db_commit(struct db *db) must_check;
void db_rollback(struct db *db);

/* The key of a task. */
int64_t store_key(uint64_t result, uint32_t index);

/* Statements that are used again and again; each is prepared once. */
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
	S_GROW,
	S_DEPS,
	S_REST,
	S_PURGE_RESULT,
	S_PURGE_TASKS,
	S_PURGE_BEGUN,
	S_BEGUN,
	S_ENGINE,
	S_ENGINE_GONE,
	S_POOL,
	S_POOL_GONE,
	S_LAUNCH,
	S_LAUNCH_GONE,
	S_META,
	S_META_GET,
	S_READ, /* from here on one for each stream */
};
/* Ready for its parameters; NULL: it cannot be prepared. */
sqlite3_stmt *db_statement(struct db *db, int i);
/* Runs a statement that gives no rows, and makes it ready to be used again; -errno. */
int db_finish(sqlite3_stmt *st) must_check;

/* Runs statements that give no rows; reads the first integer of a query; -errno. */
int db_exec(struct db *db, const char *text) must_check;
int db_query_int(struct db *db, const char *text, int64_t *ret_n) must_check;

/* An SQLite result code as -errno; 0 for OK, ROW and DONE. */
int sql_errno(int rc);
/* The same; keeps in db->said what SQLite says of the error. */
int db_said(struct db *db, int rc) must_check;
/* Of an error: puts a sentence with db->said into *why, unless there is one already. */
void db_say(const struct db *db, int err, struct buf *why);

#endif
