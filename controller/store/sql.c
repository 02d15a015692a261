#include "base/base.h"
#include "sql.h"

#include "wire/state.h"

/*
 * A new row is inserted, so that the trigger `begin` counts it; a row that is there is
 * replaced. When the row of the result is not there, nothing is stored (run_early() in
 * store.c).
 */
#define TASK_SET(column) #column "=excluded." #column
static const char put_task[] =
	"INSERT INTO tasks SELECT"
	" ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,"
	"?20,?21,?22,?23,?24,?25,?26,?27,?28,?29,?30,?31,?32 "
	"WHERE EXISTS(SELECT 1 FROM results WHERE id=?1>>24) "
	"ON CONFLICT(key) DO UPDATE SET "
	TASK_SET(state) "," TASK_SET(engine) "," TASK_SET(engine_uuid) ","
	TASK_SET(msg_id) "," TASK_SET(attempt) "," TASK_SET(started) ","
	TASK_SET(completed) "," TASK_SET(received) "," TASK_SET(exit_status) ","
	TASK_SET(signal) "," TASK_SET(value_is_stdout) "," TASK_SET(ename) ","
	TASK_SET(evalue) "," TASK_SET(traceback) "," TASK_SET(cwd) ","
	TASK_SET(attempts) "," TASK_SET(user) "," TASK_SET(system) ","
	TASK_SET(memory) "," TASK_SET(stdout_size) "," TASK_SET(stderr_size) ","
	TASK_SET(value_size) "," TASK_SET(data_size) "," TASK_SET(in_file) ","
	TASK_SET(stdout) "," TASK_SET(stderr) "," TASK_SET(value) ","
	TASK_SET(data) "," TASK_SET(began) "," TASK_SET(ran) ","
	TASK_SET(elapsed);

static const char put_result[] =
	"INSERT INTO results(id,token,name,kind,tasks,uid,gid,submitted,"
	"options,deps,held,code,stdin,items,born) "
	"VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char *const statements[] = {
	[S_RECORD] = "INSERT INTO records(result,msg_id,queue,submitted,"
		       "header,metadata,content,dropped) "
		       "VALUES(?,?,?,?,?,?,?,?)",
	/* What an engine of ipyparallel says need not be JSON. */
	[S_RECORD_END] = "UPDATE records SET started=?1, completed=?2,"
			   " received=?3, engine_uuid=?4, result_header=?5,"
			   " result_metadata="
			   "CASE WHEN json_valid(CAST(?6 AS TEXT)) THEN ?6 END,"
			   " result_content="
			   "CASE WHEN json_valid(CAST(?7 AS TEXT)) THEN ?7 END,"
			   " dropped=dropped|?8 WHERE result=?9",
	[S_RECORD_IO] = "UPDATE records SET execute_input=?,"
			  " execute_result=?, error=?, display_data=?"
			  " WHERE result=?",
	[S_RESUBMITTED] = "UPDATE records SET resubmitted=? WHERE result=?",
	[S_RECORD_BUFFER] = "INSERT OR REPLACE INTO record_buffers "
			      "VALUES(?,?,?,?)",
	[S_READ_BUFFERS] = "SELECT bytes FROM record_buffers "
			     "WHERE record=? AND reply=? ORDER BY n",
	[S_PURGE_RECORD] = "DELETE FROM records WHERE result=?",
	[S_PURGE_BUFFERS] = "DELETE FROM record_buffers WHERE record=?",
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_RESULT] = put_result,
	[S_TASK] = put_task,
	[S_INPUT] = "SELECT code, stdin, items FROM results WHERE id=?",
	[S_REST] = "UPDATE results SET rest_state=?, rest_when=?,"
		   " rest_ename=?, rest_evalue=?, rest_elapsed=? WHERE id=?",
	[S_DEPS] = "UPDATE results SET deps=? WHERE id=?",
	[S_HELD] = "UPDATE results SET held=? WHERE id=?",
	[S_HOLD_TASK] = "INSERT OR IGNORE INTO held_tasks VALUES(?)",
	[S_RELEASE_TASK] = "DELETE FROM held_tasks WHERE key=?",
	[S_PURGE_HELD] = "DELETE FROM held_tasks WHERE key>=? AND key<?",
	[S_OPTIONS] = "UPDATE results SET options=? WHERE id=?",
	/* || makes a text of them. */
	[S_GROW] = "UPDATE results SET items=CAST(items||?1 AS BLOB),"
		   " tasks=tasks+?2 WHERE id=?3",
	[S_PURGE_RESULT] = "DELETE FROM results WHERE id=?",
	[S_PURGE_TASKS] = "DELETE FROM tasks WHERE key>=? AND key<?",
	[S_PURGE_BEGUN] = "DELETE FROM begun WHERE result=?",
	[S_BEGUN] = "SELECT tasks FROM begun WHERE result=?",
	[S_ENGINE] = "INSERT OR REPLACE INTO engines VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
	[S_ENGINE_GONE] = "DELETE FROM engines WHERE id=?",
	[S_POOL] = "INSERT OR REPLACE INTO pools VALUES(?,?,?,?,?,?,?,?,?)",
	[S_POOL_GONE] = "DELETE FROM pools WHERE id=?",
	[S_LAUNCH] = "INSERT OR REPLACE INTO launches VALUES(?,?,?,?,?,?,?,?)",
	[S_LAUNCH_GONE] = "DELETE FROM launches WHERE id=?",
	[S_META] = "INSERT OR REPLACE INTO meta VALUES(?,?)",
	[S_META_GET] = "SELECT value FROM meta WHERE key=?",
	[S_READ + STREAM_STDOUT] = "SELECT stdout FROM tasks WHERE key=?",
	[S_READ + STREAM_STDERR] = "SELECT stderr FROM tasks WHERE key=?",
	[S_READ + STREAM_VALUE] = "SELECT value FROM tasks WHERE key=?",
	[S_READ + STREAM_DATA] = "SELECT data FROM tasks WHERE key=?",
	[S_READ + STREAM_CODE] = "SELECT length(code) FROM results WHERE id=?",
	[S_READ + STREAM_STDIN] = "SELECT length(stdin) FROM results WHERE id=?",
	[S_READ + STREAM_MAP] = "SELECT length(items) FROM results WHERE id=?",
};

int64_t store_key(uint64_t result, uint32_t index)
{
	return (int64_t)(result << INDEX_BITS | index);
}

int sql_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_INTERRUPT:
		return -ETIME;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

int db_said(struct db *db, int rc)
{
	int err = sql_errno(rc);

	if (err && !*db->said)
		snprintf(db->said, sizeof(db->said), "%s",
			 db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc));
	return err;
}

void db_say(const struct db *db, int err, struct buf *why)
{
	if (err && !why->n)
		buf_printf(why, "%s: %s", db->path,
			   *db->said ? db->said : strerror(-err));
}

sqlite3_stmt *db_statement(struct db *db, int i)
{
	if (!db->stmt[i] &&
	    sqlite3_prepare_v3(db->sql, statements[i], -1,
			       SQLITE_PREPARE_PERSISTENT, &db->stmt[i],
			       NULL) != SQLITE_OK)
		return NULL;
	return db->stmt[i];
}

int db_finish(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return sql_errno(rc);
}

static int simple(struct db *db, int i)
{
	sqlite3_stmt *st = db_statement(db, i);

	return st ? db_finish(st) : -EIO;
}

/* SQLite knows of disks that are full, and not of quotas that are used up: those are an
 * error of writing, of which it does not keep the number. */
int db_no_room(struct db *db, int err)
{
	bool quota = err == -EIO &&
		     sqlite3_extended_errcode(db->sql) == SQLITE_IOERR_WRITE &&
		     !reserve_has_room(&db->reserve);

	return err == -EDQUOT || quota ? -ENOSPC : err;
}

int db_begin(struct db *db)
{
	return db_no_room(db, simple(db, S_BEGIN));
}

int db_commit(struct db *db)
{
	return db_no_room(db, simple(db, S_COMMIT));
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->sql))
		(void)!simple(db, S_ROLLBACK);
}

int db_exec(struct db *db, const char *text)
{
	return db_said(db, sqlite3_exec(db->sql, text, NULL, NULL, NULL));
}

int db_query_int(struct db *db, const char *text, int64_t *ret_n)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->sql, text, -1, &st, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		*ret_n = sqlite3_column_int64(st, 0);
	}
	(void)!db_said(db, rc);
	sqlite3_finalize(st);
	return sql_errno(rc);
}
