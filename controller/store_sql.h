/*
 * store_sql.h: the statements behind store.h: what one operation does to the
 * database and the output files. Used by the store's thread (and, before that
 * runs, by loading); knows nothing of threads or loops.
 */
#ifndef TASKFS_STORE_SQL_H
#define TASKFS_STORE_SQL_H

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

/*
 * store_open.c: opens tasks.db in dir, makes it when there is none, brings an
 * older one up to date. What is damaged, or lacks a part, is refused and left as
 * it is: -EUCLEAN. A sentence in *why.
 */
int db_open(struct db *db, const char *dir, bool full, struct buf *why)
	must_check;
/*
 * The same, to look at: nothing is made, brought up to date or changed. With
 * -EUCLEAN it may be open nevertheless (db->sql), as far as SQLite can.
 */
int db_open_readonly(struct db *db, const char *dir, struct buf *why)
	must_check;
void db_close(struct db *db);
/* All was read and is whole: what opening changed is there from now on; -errno. */
int db_accept(struct db *db) must_check;
/* Whether the last one who closes the database leaves its log as it is. */
int db_keep_log(struct db *db, bool keep) must_check;
/* The connection alone; the names of the files stay. */
void db_disconnect(struct db *db);
/* Sets path, outputs and lost. */
void db_name_files(struct db *db, const char *dir);
/* The tables as they have to be, in a database without any; -errno. */
int db_make_tables(struct db *db) must_check;

/* Statements without a result; the first integer of a query; -errno. */
int db_exec(struct db *db, const char *text) must_check;
int db_query_int(struct db *db, const char *text, int64_t *ret_n) must_check;

/* store_shrink.c: one step; false: it was the last. */
bool db_shrink(struct db *db) must_check;
/* At a start: one that was made by a program that never did so. */
void db_shrink_old(struct db *db);

int db_begin(struct db *db) must_check;
int db_commit(struct db *db) must_check;
void db_rollback(struct db *db);
/* Carries out one operation inside a transaction; -errno. */
int db_run(struct db *db, struct store_op *op) must_check;
/* As store_load(); *ret_lost: how many files were put aside. */
int db_load(struct db *db, const struct store_visitor *v, uint64_t *ret_lost,
	    struct buf *why) must_check;
/* The reading alone: no files are put aside. */
int db_read_all(struct db *db, const struct store_visitor *v, struct buf *why)
	must_check;
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

/* The records of ipyparallel's hub (store_records.c); -errno. */
int db_open_records(struct db *db) must_check;
int db_put_record(struct db *db, struct store_op *op) must_check;
int db_put_record_end(struct db *db, struct store_op *op) must_check;
int db_put_record_io(struct db *db, struct store_op *op) must_check;
int db_put_resubmitted(struct db *db, struct store_op *op) must_check;
int db_purge_record(struct db *db, uint64_t result) must_check;
int db_query(struct db *db, struct store_op *op) must_check;

/* Operations that live with the loading (store_load.c); -errno. */
int db_read_many(struct db *db, struct store_op *op) must_check;
int db_read_details(struct db *db, struct store_op *op) must_check;

/*
 * What was submitted, in pieces (store_input.c); -errno. db_read_items(): -EIO:
 * the map has not so many tasks.
 */
int db_read_input(struct db *db, struct store_op *op) must_check;
int db_read_items(struct db *db, struct store_op *op) must_check;

/* The files of big outputs (store_files.c); -errno. */
int files_append(struct db *db, struct store_op *op) must_check;
int files_read(struct db *db, struct store_op *op) must_check;
/* With durability full: what the row points to is on disk. */
int files_sync(struct db *db, const struct task_row *t) must_check;
/* Behind the transaction that took the rows away. */
void files_unlink(struct db *db, const struct store_op *op);
/*
 * A task begins anew: the files of its last try go when that is stored, but those
 * its next try has begun. files_forgotten() is behind each transaction.
 */
void files_forget(struct db *db, uint64_t result, uint32_t index);
void files_forgotten(struct db *db, bool stored);
/*
 * At the start: those of results that are not there are put into db->lost, never
 * over another. *ret_n: how many.
 */
int files_put_aside(struct db *db, uint64_t *ret_n) must_check;
/* How large the file of an output is; -errno. */
int files_size(const struct db *db, uint64_t result, uint32_t index,
	       enum stream s, uint64_t *ret_size) must_check;
/* Is there a file in outputs? */
bool files_any(const struct db *db);

/* An SQLite result code as -errno; 0 for OK, ROW and DONE. */
int sql_errno(int rc);
/* The same; keeps what SQLite says of it in db->said. */
int db_said(struct db *db, int rc) must_check;
/* A sentence of it for an error, unless *why has one. */
void db_say(const struct db *db, int err, struct buf *why);
char *db_meta(struct db *db, const char *key);

#endif
