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
	"CREATE TABLE IF NOT EXISTS engines("
	" id INTEGER PRIMARY KEY, uuid TEXT, host TEXT, language TEXT,"
	" pid INTEGER, since INTEGER, taskfs INTEGER);";

/* Bump with every change of the schema above. */
#define SCHEMA_VERSION 1

enum {
	S_BEGIN = SQL_OF_RECORDS,
	S_COMMIT,
	S_ROLLBACK,
	S_RESULT,
	S_TASK,
	S_INPUT,
	S_HELD,
	S_OPTIONS,
	S_DEPS,
	S_REST,
	S_PURGE_RESULT,
	S_PURGE_TASKS,
	S_ENGINE,
	S_ENGINE_GONE,
	S_META,
	S_META_GET,
	S_READ, /* one per stream from here */
};

static const char put_task[] =
	"INSERT OR REPLACE INTO tasks VALUES"
	"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char put_result[] =
	"INSERT INTO results(id,token,name,kind,tasks,uid,gid,submitted,"
	"options,deps,held,code,stdin,items) "
	"VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char *const statements[] = {
	[SQL_RECORD] = "INSERT INTO records(result,msg_id,queue,submitted,"
		       "header,metadata,content,dropped) "
		       "VALUES(?,?,?,?,?,?,?,?)",
	[SQL_RECORD_END] = "UPDATE records SET started=?, completed=?,"
			   " received=?, engine_uuid=?, result_header=?,"
			   " result_metadata=?, result_content=?,"
			   " dropped=dropped|? WHERE result=?",
	[SQL_RECORD_IO] = "UPDATE records SET execute_input=?,"
			  " execute_result=?, error=? WHERE result=?",
	[SQL_RESUBMITTED] = "UPDATE records SET resubmitted=? WHERE result=?",
	[SQL_RECORD_BUFFER] = "INSERT OR REPLACE INTO record_buffers "
			      "VALUES(?,?,?,?)",
	[SQL_READ_BUFFERS] = "SELECT bytes FROM record_buffers "
			     "WHERE record=? AND reply=? ORDER BY n",
	[SQL_PURGE_RECORD] = "DELETE FROM records WHERE result=?",
	[SQL_PURGE_BUFFERS] = "DELETE FROM record_buffers WHERE record=?",
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

/* Runs a statement that gives no rows, and makes it ready for the next. */
static int finish(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return sql_errno(rc);
}

static int simple(struct db *db, int i)
{
	sqlite3_stmt *st = db_statement(db, i);

	return st ? finish(st) : -EIO;
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

/* --- binding and reading ------------------------------------------------ */

static void bind_text(sqlite3_stmt *st, int i, const char *s)
{
	if (s)
		sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

static void bind_blob(sqlite3_stmt *st, int i, const struct buf *b)
{
	sqlite3_bind_blob64(st, i, b->p ? b->p : "", b->n, SQLITE_STATIC);
}

/* 0 and below are NULL. */
static void bind_time(sqlite3_stmt *st, int i, int64_t t)
{
	if (t > 0)
		sqlite3_bind_int64(st, i, t);
}

static void bind_count(sqlite3_stmt *st, int i, int64_t n)
{
	if (n >= 0)
		sqlite3_bind_int64(st, i, n);
}

/* --- operations --------------------------------------------------------- */

static int run_result(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_RESULT);
	const struct result_row *r = &op->result;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)r->id);
	bind_text(st, 2, r->token);
	bind_text(st, 3, r->name);
	bind_text(st, 4, r->kind);
	sqlite3_bind_int64(st, 5, (int64_t)r->tasks);
	sqlite3_bind_int64(st, 6, r->uid);
	sqlite3_bind_int64(st, 7, r->gid);
	sqlite3_bind_int64(st, 8, r->submitted);
	bind_text(st, 9, r->options);
	bind_text(st, 10, r->deps);
	sqlite3_bind_int(st, 11, r->held);
	bind_blob(st, 12, &r->code);
	if (r->has_stdin)
		bind_blob(st, 13, &r->stdin_);
	if (r->items.n)
		bind_blob(st, 14, &r->items);
	return finish(st);
}

static int64_t file_bits(const struct task_row *t)
{
	int64_t bits = 0;
	int i;

	for (i = 0; i < STREAMS; i++)
		bits |= (int64_t)t->in_file[i] << i;
	return bits;
}

static int run_task(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_TASK);
	const struct task_row *t = &op->task.row;
	int i, err = files_sync(db, t);

	if (t->state == STATE_PENDING)
		files_forget(db, t->result, t->index);

	if (err || !st)
		return err ? err : -EIO;
	sqlite3_bind_int64(st, 1, store_key(t->result, t->index));
	sqlite3_bind_int64(st, 2, t->state);
	bind_count(st, 3, t->engine);
	bind_text(st, 4, t->engine_uuid);
	bind_text(st, 5, t->msg_id);
	sqlite3_bind_int64(st, 6, t->attempt);
	bind_time(st, 7, t->started);
	bind_time(st, 8, t->completed);
	bind_time(st, 9, t->received);
	bind_count(st, 10, t->exit_status);
	bind_count(st, 11, t->signal);
	sqlite3_bind_int64(st, 12, t->value_is_stdout);
	bind_text(st, 13, t->ename);
	bind_text(st, 14, t->evalue);
	bind_text(st, 15, t->traceback);
	bind_text(st, 16, t->cwd);
	bind_text(st, 17, t->attempts);
	if (t->user >= 0) {
		sqlite3_bind_double(st, 18, t->user);
		sqlite3_bind_double(st, 19, t->system);
		sqlite3_bind_int64(st, 20, t->memory);
	}
	for (i = 0; i < STREAMS; i++) {
		sqlite3_bind_int64(st, 21 + i, (int64_t)t->size[i]);
		if (!t->in_file[i] && t->bytes[i].n)
			bind_blob(st, 26 + i, &t->bytes[i]);
	}
	sqlite3_bind_int64(st, 25, file_bits(t));
	return finish(st);
}

static int run_input(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_INPUT);
	int err = 0;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)op->task.row.result);
	if (sqlite3_step(st) == SQLITE_ROW) {
		buf_clear(&op->task.code);
		buf_clear(&op->task.stdin_);
		buf_put(&op->task.code, sqlite3_column_blob(st, 0),
			(size_t)sqlite3_column_bytes(st, 0));
		buf_put(&op->task.stdin_, sqlite3_column_blob(st, 1),
			(size_t)sqlite3_column_bytes(st, 1));
		buf_put(&op->task.items, sqlite3_column_blob(st, 2),
			(size_t)sqlite3_column_bytes(st, 2));
	} else {
		err = -ENOENT;
	}
	sqlite3_reset(st);
	return err;
}

static int run_start(struct db *db, struct store_op *op)
{
	int err = run_task(db, op);

	return err || !op->task.want_input ? err : run_input(db, op);
}

static int run_rest(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_REST);

	if (!st)
		return -EIO;
	sqlite3_bind_int(st, 1, op->rest.state);
	sqlite3_bind_int64(st, 2, op->rest.when);
	bind_text(st, 3, op->rest.ename);
	bind_text(st, 4, op->rest.evalue);
	sqlite3_bind_int64(st, 5, (int64_t)op->rest.result);
	return finish(st);
}

static int run_deps(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_DEPS);

	if (!st)
		return -EIO;
	bind_text(st, 1, op->result.deps);
	sqlite3_bind_int64(st, 2, (int64_t)op->result.id);
	return finish(st);
}

static int run_nothing(struct db *db, struct store_op *op)
{
	(void)db;
	(void)op;
	return 0;
}

static int run_held(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_HELD);

	if (!st)
		return -EIO;
	sqlite3_bind_int(st, 1, op->result.held);
	sqlite3_bind_int64(st, 2, (int64_t)op->result.id);
	return finish(st);
}

static int run_options(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_OPTIONS);

	if (!st)
		return -EIO;
	bind_text(st, 1, op->result.options);
	sqlite3_bind_int64(st, 2, (int64_t)op->result.id);
	return finish(st);
}

static int run_read(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st;
	int64_t key = op->io.stream < STREAMS
			      ? store_key(op->io.result, op->io.index)
			      : (int64_t)op->io.result;
	bool found = false;

	if (op->io.in_file)
		return files_read(db, op);
	st = db_statement(db, S_READ + (int)op->io.stream);
	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, key);
	if (sqlite3_step(st) == SQLITE_ROW) {
		const char *p = sqlite3_column_blob(st, 0);

		op->io.size = (uint64_t)sqlite3_column_bytes(st, 0);
		if (op->io.offset < op->io.size)
			buf_put(&op->io.bytes, p + op->io.offset,
				min_u64(op->io.length,
					op->io.size - op->io.offset));
		found = true;
	}
	sqlite3_reset(st);
	return found ? 0 : -ENOENT;
}

static int run_purge(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_PURGE_RESULT);
	sqlite3_stmt *ts = db_statement(db, S_PURGE_TASKS);
	int err;

	if (!st || !ts)
		return -EIO;
	files_unlink(db, op->purge);
	err = db_purge_record(db, op->purge);
	if (err)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)op->purge);
	err = finish(st);
	if (err)
		return err;
	sqlite3_bind_int64(ts, 1, store_key(op->purge, 0));
	sqlite3_bind_int64(ts, 2, store_key(op->purge + 1, 0));
	return finish(ts);
}

static int run_engine(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_ENGINE);
	const struct engine_row *e = &op->engine;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, e->id);
	bind_text(st, 2, e->uuid);
	bind_text(st, 3, e->host);
	bind_text(st, 4, e->language);
	sqlite3_bind_int64(st, 5, e->pid);
	sqlite3_bind_int64(st, 6, e->since);
	sqlite3_bind_int64(st, 7, e->taskfs);
	return finish(st);
}

static int run_engine_gone(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_ENGINE_GONE);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, op->engine.id);
	return finish(st);
}

static int run_meta(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_META);

	if (!st)
		return -EIO;
	bind_text(st, 1, op->meta.key);
	bind_text(st, 2, op->meta.value);
	return finish(st);
}

static int (*const runs[STORE_KINDS])(struct db *, struct store_op *) = {
	[STORE_RESULT] = run_result,
	[STORE_TASK] = run_task,
	[STORE_START] = run_start,
	[STORE_APPEND] = files_append,
	[STORE_READ] = run_read,
	[STORE_HELD] = run_held,
	[STORE_OPTIONS] = run_options,
	[STORE_DEPS] = run_deps,
	[STORE_NOTHING] = run_nothing,
	[STORE_REST] = run_rest,
	[STORE_INPUT] = run_input,
	[STORE_READ_MANY] = db_read_many,
	[STORE_DETAILS] = db_read_details,
	[STORE_PURGE] = run_purge,
	[STORE_ENGINE] = run_engine,
	[STORE_ENGINE_GONE] = run_engine_gone,
	[STORE_META] = run_meta,
	[STORE_RECORD] = db_put_record,
	[STORE_RECORD_END] = db_put_record_end,
	[STORE_RECORD_IO] = db_put_record_io,
	[STORE_RESUBMITTED] = db_put_resubmitted,
	[STORE_QUERY] = db_query,
};

int db_run(struct db *db, struct store_op *op)
{
	return runs[op->kind](db, op);
}

char *db_meta(struct db *db, const char *key)
{
	sqlite3_stmt *st = db_statement(db, S_META_GET);
	char *value = NULL;

	if (!st)
		return NULL;
	bind_text(st, 1, key);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0))
		value = xstrdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_reset(st);
	return value;
}
