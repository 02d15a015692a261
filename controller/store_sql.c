#include "base/base.h"
#include "store_sql.h"

#include "base/file.h"
#include "wire/state.h"

#include <sys/stat.h>

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS meta("
	" key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS results("
	" id INTEGER PRIMARY KEY, token TEXT, name TEXT, kind TEXT,"
	" tasks INTEGER, uid INTEGER, gid INTEGER, submitted INTEGER,"
	" options TEXT, deps TEXT, held INTEGER,"
	" rest_state INTEGER, rest_when INTEGER, rest_ename TEXT,"
	" rest_evalue TEXT, code BLOB, stdin BLOB, items BLOB);"
	"CREATE TABLE IF NOT EXISTS tasks("
	" key INTEGER PRIMARY KEY, state INTEGER, engine INTEGER,"
	" engine_uuid TEXT, msg_id TEXT, attempt INTEGER, started INTEGER,"
	" completed INTEGER, received INTEGER, exit_status INTEGER,"
	" signal INTEGER, value_is_stdout INTEGER, ename TEXT, evalue TEXT,"
	" traceback TEXT, cwd TEXT, attempts TEXT, user REAL, system REAL, memory INTEGER,"
	" stdout_size INTEGER, stderr_size INTEGER, value_size INTEGER,"
	" data_size INTEGER, in_file INTEGER,"
	" stdout BLOB, stderr BLOB, value BLOB, data BLOB);"
	"CREATE TABLE IF NOT EXISTS held_tasks(key INTEGER PRIMARY KEY);"
	"CREATE TABLE IF NOT EXISTS engines("
	" id INTEGER PRIMARY KEY, uuid TEXT, host TEXT, language TEXT,"
	" pid INTEGER, since INTEGER, taskfs INTEGER);";

/* Bump with every change of the schema above. */
#define SCHEMA_VERSION 1

static const char put_task[] =
	"INSERT OR REPLACE INTO tasks VALUES"
	"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char put_result[] =
	"INSERT INTO results(id,token,name,kind,tasks,uid,gid,submitted,"
	"options,deps,held,code,stdin,items) "
	"VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char *const statements[] = {
	[S_RECORD] = "INSERT INTO records(result,msg_id,queue,submitted,"
		       "header,metadata,content,dropped) "
		       "VALUES(?,?,?,?,?,?,?,?)",
	/* Nobody has looked yet whether an engine's content is JSON. */
	[S_RECORD_END] = "UPDATE records SET started=?1, completed=?2,"
			   " received=?3, engine_uuid=?4, result_header=?5,"
			   " result_metadata=?6, result_content="
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
		   " rest_ename=?, rest_evalue=? WHERE id=?",
	[S_DEPS] = "UPDATE results SET deps=? WHERE id=?",
	[S_HELD] = "UPDATE results SET held=? WHERE id=?",
	[S_HOLD_TASK] = "INSERT OR IGNORE INTO held_tasks VALUES(?)",
	[S_RELEASE_TASK] = "DELETE FROM held_tasks WHERE key=?",
	[S_PURGE_HELD] = "DELETE FROM held_tasks WHERE key>=? AND key<?",
	[S_OPTIONS] = "UPDATE results SET options=? WHERE id=?",
	[S_PURGE_RESULT] = "DELETE FROM results WHERE id=?",
	[S_PURGE_TASKS] = "DELETE FROM tasks WHERE key>=? AND key<?",
	[S_ENGINE] = "INSERT OR REPLACE INTO engines VALUES(?,?,?,?,?,?,?)",
	[S_ENGINE_GONE] = "DELETE FROM engines WHERE id=?",
	[S_META] = "INSERT OR REPLACE INTO meta VALUES(?,?)",
	[S_META_GET] = "SELECT value FROM meta WHERE key=?",
	[S_READ + STREAM_STDOUT] = "SELECT stdout FROM tasks WHERE key=?",
	[S_READ + STREAM_STDERR] = "SELECT stderr FROM tasks WHERE key=?",
	[S_READ + STREAM_VALUE] = "SELECT value FROM tasks WHERE key=?",
	[S_READ + STREAM_DATA] = "SELECT data FROM tasks WHERE key=?",
	[S_READ + STREAM_CODE] = "SELECT code FROM results WHERE id=?",
	[S_READ + STREAM_STDIN] = "SELECT stdin FROM results WHERE id=?",
	[S_READ + STREAM_MAP] = "SELECT items FROM results WHERE id=?",
};

static const char *const stream_names[ALL_STREAMS] = {
	[STREAM_STDOUT] = "stdout", [STREAM_STDERR] = "stderr",
	[STREAM_VALUE] = "value",   [STREAM_DATA] = "data",
	[STREAM_CODE] = "code",	    [STREAM_STDIN] = "stdin",
	[STREAM_MAP] = "map",
};

int stream_parse(const char *name)
{
	int i;

	for (i = 0; name && i < ALL_STREAMS; i++)
		if (strcmp(stream_names[i], name) == 0)
			return i;
	return -1;
}

const char *stream_name(enum stream s)
{
	return stream_names[s];
}

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
	default:
		return -EIO;
	}
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

int db_begin(struct db *db)
{
	return simple(db, S_BEGIN);
}

int db_commit(struct db *db)
{
	return simple(db, S_COMMIT);
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->sql))
		(void)!simple(db, S_ROLLBACK);
}

/* --- opening ------------------------------------------------------------ */

static int exec(struct db *db, const char *text)
{
	return sql_errno(sqlite3_exec(db->sql, text, NULL, NULL, NULL));
}

static int column_int(struct db *db, const char *text, int *ret_n)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->sql, text, -1, &st, NULL);

	if (rc != SQLITE_OK)
		return sql_errno(rc);
	rc = sqlite3_step(st);
	*ret_n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : -EIO;
}

static int make_schema(struct db *db, struct buf *why)
{
	char pragma[64];
	int version = 0;
	int err = column_int(db, "PRAGMA user_version", &version);

	if (!err && version != 0 && version != SCHEMA_VERSION) {
		buf_printf(why,
			   "tasks.db is of version %d, this program reads %d",
			   version, SCHEMA_VERSION);
		return -EPROTO;
	}
	if (!err)
		err = exec(db, schema);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d",
		 SCHEMA_VERSION);
	return err ? err : exec(db, pragma);
}

int db_open(struct db *db, const char *dir, bool full, struct buf *why)
{
	char *path = xasprintf("%s/tasks.db", dir);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX;
	mode_t mask = umask(077);
	int err;

	*db = (struct db){.full = full};
	db->outputs = xasprintf("%s/outputs", dir);
	err = file_mkdirs(db->outputs, 0700);
	if (!err)
		err = sql_errno(sqlite3_open_v2(path, &db->sql, flags, NULL));
	if (!err)
		err = exec(db, "PRAGMA journal_mode=WAL;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA busy_timeout=2000;"
			       "PRAGMA journal_size_limit=16777216;");
	if (!err)
		err = exec(db, full ? "PRAGMA synchronous=FULL"
				    : "PRAGMA synchronous=NORMAL");
	if (!err)
		err = make_schema(db, why);
	if (!err)
		err = db_open_records(db);
	if (err && !why->n)
		buf_printf(why, "%s: %s", path,
			   db->sql ? sqlite3_errmsg(db->sql) : strerror(-err));
	if (err)
		db_close(db);
	umask(mask);
	free(path);
	return err;
}

void db_close(struct db *db)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(db->stmt); i++)
		sqlite3_finalize(db->stmt[i]);
	sqlite3_close(db->sql);
	free(db->outputs);
	*db = (struct db){0};
}
