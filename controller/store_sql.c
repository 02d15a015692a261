#include "base/base.h"
#include "store_sql.h"

#include "base/file.h"
#include "base/parse.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* A task's key: its result and its index in one integer. */
#define INDEX_BITS 24

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS meta("
	" key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS results("
	" id INTEGER PRIMARY KEY, token TEXT, name TEXT, kind TEXT,"
	" tasks INTEGER, uid INTEGER, gid INTEGER, submitted INTEGER,"
	" options TEXT, code BLOB, stdin BLOB);"
	"CREATE TABLE IF NOT EXISTS tasks("
	" key INTEGER PRIMARY KEY, state INTEGER, engine INTEGER,"
	" engine_uuid TEXT, msg_id TEXT, attempt INTEGER, started INTEGER,"
	" completed INTEGER, received INTEGER, exit_status INTEGER,"
	" signal INTEGER, value_is_stdout INTEGER, ename TEXT, evalue TEXT,"
	" traceback TEXT, cwd TEXT, user REAL, system REAL, memory INTEGER,"
	" stdout_size INTEGER, stderr_size INTEGER, value_size INTEGER,"
	" data_size INTEGER, in_file INTEGER,"
	" stdout BLOB, stderr BLOB, value BLOB, data BLOB);"
	"CREATE TABLE IF NOT EXISTS engines("
	" id INTEGER PRIMARY KEY, uuid TEXT, host TEXT, language TEXT,"
	" pid INTEGER, since INTEGER, taskfs INTEGER);";

/* Bump with every change of the schema above. */
#define SCHEMA_VERSION 1

enum {
	S_BEGIN,
	S_COMMIT,
	S_ROLLBACK,
	S_RESULT,
	S_TASK,
	S_INPUT,
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
	"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char *const statements[] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_RESULT] = "INSERT INTO results VALUES(?,?,?,?,?,?,?,?,?,?,?)",
	[S_TASK] = put_task,
	[S_INPUT] = "SELECT code, stdin FROM results WHERE id=?",
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
};

static const char *const stream_names[ALL_STREAMS] = {
	[STREAM_STDOUT] = "stdout", [STREAM_STDERR] = "stderr",
	[STREAM_VALUE] = "value",   [STREAM_DATA] = "data",
	[STREAM_CODE] = "code",	    [STREAM_STDIN] = "stdin",
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

static int64_t task_key(uint64_t result, uint32_t index)
{
	return (int64_t)(result << INDEX_BITS | index);
}

static int sql_errno(int rc)
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

static sqlite3_stmt *statement(struct db *db, int i)
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
	sqlite3_stmt *st = statement(db, i);

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
			       "PRAGMA busy_timeout=2000;");
	if (!err)
		err = exec(db, full ? "PRAGMA synchronous=FULL"
				    : "PRAGMA synchronous=NORMAL");
	if (!err)
		err = make_schema(db, why);
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

static char *column_text(sqlite3_stmt *st, int i)
{
	return (char *)(uintptr_t)sqlite3_column_text(st, i);
}

static int64_t column_or(sqlite3_stmt *st, int i, int64_t other)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL
		       ? other
		       : sqlite3_column_int64(st, i);
}

/* --- operations --------------------------------------------------------- */

static int run_result(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = statement(db, S_RESULT);
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
	bind_blob(st, 10, &r->code);
	if (r->has_stdin)
		bind_blob(st, 11, &r->stdin_);
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

static char *output_path(const struct db *db, uint64_t result, uint32_t index,
			 enum stream s)
{
	return xasprintf("%s/%llu.%u.%s", db->outputs,
			 (unsigned long long)result, index, stream_name(s));
}

/* Files first: a row never points to bytes that are not there. */
static int sync_files(struct db *db, const struct task_row *t)
{
	int i, err = 0;

	for (i = 0; i < STREAMS && !err && db->full; i++) {
		char *path;
		int fd;

		if (!t->in_file[i])
			continue;
		path = output_path(db, t->result, t->index, (enum stream)i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fdatasync(fd) < 0)
			err = -errno;
		if (fd >= 0)
			close(fd);
		free(path);
	}
	return err;
}

static int run_task(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = statement(db, S_TASK);
	const struct task_row *t = &op->task.row;
	int i, err = sync_files(db, t);

	if (err || !st)
		return err ? err : -EIO;
	sqlite3_bind_int64(st, 1, task_key(t->result, t->index));
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
	if (t->user >= 0) {
		sqlite3_bind_double(st, 17, t->user);
		sqlite3_bind_double(st, 18, t->system);
		sqlite3_bind_int64(st, 19, t->memory);
	}
	for (i = 0; i < STREAMS; i++) {
		sqlite3_bind_int64(st, 20 + i, (int64_t)t->size[i]);
		if (!t->in_file[i] && t->bytes[i].n)
			bind_blob(st, 25 + i, &t->bytes[i]);
	}
	sqlite3_bind_int64(st, 24, file_bits(t));
	return finish(st);
}

static int run_start(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st;
	int err = run_task(db, op);

	if (err || !op->task.want_input)
		return err;
	st = statement(db, S_INPUT);
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
	} else {
		err = -ENOENT;
	}
	sqlite3_reset(st);
	return err;
}

static int run_append(struct db *db, struct store_op *op)
{
	char *path = output_path(db, op->io.result, op->io.index,
				 op->io.stream);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : 0;

	if (!err && op->io.offset == 0 && ftruncate(fd, 0) < 0)
		err = -errno;
	if (!err && lseek(fd, (off_t)op->io.offset, SEEK_SET) < 0)
		err = -errno;
	if (!err)
		err = file_write_all(fd, buf_bytes(&op->io.bytes));
	if (fd >= 0)
		close(fd);
	free(path);
	return err;
}

static int read_file(struct db *db, struct store_op *op)
{
	char *path = output_path(db, op->io.result, op->io.index,
				 op->io.stream);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int err = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err = -errno;
	} else {
		n = pread(fd, buf_reserve(&op->io.bytes, op->io.length),
			  op->io.length, (off_t)op->io.offset);
		if (n < 0)
			err = -errno;
		else
			op->io.bytes.n += (size_t)n;
		op->io.size = (uint64_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return err;
}

static int run_read(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st;
	int64_t key = op->io.stream < STREAMS
			      ? task_key(op->io.result, op->io.index)
			      : (int64_t)op->io.result;

	if (op->io.in_file)
		return read_file(db, op);
	st = statement(db, S_READ + (int)op->io.stream);
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
	}
	sqlite3_reset(st);
	return 0;
}

static void unlink_outputs(struct db *db, uint64_t result)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->sql,
				    "SELECT key, in_file FROM tasks WHERE "
				    "key>=? AND key<? AND in_file>0",
				    -1, &st, NULL);
	int i;

	if (rc != SQLITE_OK)
		return;
	sqlite3_bind_int64(st, 1, task_key(result, 0));
	sqlite3_bind_int64(st, 2, task_key(result + 1, 0));
	while (sqlite3_step(st) == SQLITE_ROW) {
		uint32_t index = (uint32_t)(sqlite3_column_int64(st, 0) &
					    ((1 << INDEX_BITS) - 1));

		for (i = 0; i < STREAMS; i++) {
			char *path = output_path(db, result, index,
						 (enum stream)i);

			if (sqlite3_column_int(st, 1) & 1 << i)
				unlink(path);
			free(path);
		}
	}
	sqlite3_finalize(st);
}

static int run_purge(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = statement(db, S_PURGE_RESULT);
	sqlite3_stmt *ts = statement(db, S_PURGE_TASKS);
	int err;

	if (!st || !ts)
		return -EIO;
	unlink_outputs(db, op->purge);
	sqlite3_bind_int64(st, 1, (int64_t)op->purge);
	err = finish(st);
	if (err)
		return err;
	sqlite3_bind_int64(ts, 1, task_key(op->purge, 0));
	sqlite3_bind_int64(ts, 2, task_key(op->purge + 1, 0));
	return finish(ts);
}

static int run_engine(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = statement(db, S_ENGINE);
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
	sqlite3_stmt *st = statement(db, S_ENGINE_GONE);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, op->engine.id);
	return finish(st);
}

static int run_meta(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = statement(db, S_META);

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
	[STORE_APPEND] = run_append,
	[STORE_READ] = run_read,
	[STORE_PURGE] = run_purge,
	[STORE_ENGINE] = run_engine,
	[STORE_ENGINE_GONE] = run_engine_gone,
	[STORE_META] = run_meta,
};

int db_run(struct db *db, struct store_op *op)
{
	return runs[op->kind](db, op);
}

/* --- loading ------------------------------------------------------------ */

static void load_result(sqlite3_stmt *st, const struct store_visitor *v)
{
	struct result_row r = {
		.id = (uint64_t)sqlite3_column_int64(st, 0),
		.token = column_text(st, 1),
		.name = column_text(st, 2),
		.kind = column_text(st, 3),
		.tasks = (uint64_t)sqlite3_column_int64(st, 4),
		.uid = (uint32_t)sqlite3_column_int64(st, 5),
		.gid = (uint32_t)sqlite3_column_int64(st, 6),
		.submitted = sqlite3_column_int64(st, 7),
		.options = column_text(st, 8),
		.code_size = (uint64_t)sqlite3_column_int64(st, 9),
		.stdin_size = (uint64_t)column_or(st, 10, 0),
		.has_stdin = sqlite3_column_type(st, 10) != SQLITE_NULL,
	};

	v->result(v->arg, &r);
}

static void load_task(sqlite3_stmt *st, const struct store_visitor *v)
{
	int64_t key = sqlite3_column_int64(st, 0);
	bool usage = sqlite3_column_type(st, 16) != SQLITE_NULL;
	struct task_row t = {
		.result = (uint64_t)key >> INDEX_BITS,
		.index = (uint32_t)(key & ((1 << INDEX_BITS) - 1)),
		.state = sqlite3_column_int(st, 1),
		.engine = column_or(st, 2, -1),
		.engine_uuid = column_text(st, 3),
		.msg_id = column_text(st, 4),
		.attempt = (unsigned)sqlite3_column_int(st, 5),
		.started = sqlite3_column_int64(st, 6),
		.completed = sqlite3_column_int64(st, 7),
		.received = sqlite3_column_int64(st, 8),
		.exit_status = (int)column_or(st, 9, -1),
		.signal = (int)column_or(st, 10, -1),
		.value_is_stdout = sqlite3_column_int(st, 11),
		.ename = column_text(st, 12),
		.evalue = column_text(st, 13),
		.traceback = column_text(st, 14),
		.cwd = column_text(st, 15),
		.user = usage ? sqlite3_column_double(st, 16) : -1,
		.system = sqlite3_column_double(st, 17),
		.memory = sqlite3_column_int64(st, 18),
	};
	int i;

	for (i = 0; i < STREAMS; i++) {
		t.size[i] = (uint64_t)sqlite3_column_int64(st, 19 + i);
		t.in_file[i] = sqlite3_column_int(st, 23) & 1 << i;
	}
	v->task(v->arg, &t);
}

static void load_engine(sqlite3_stmt *st, const struct store_visitor *v)
{
	struct engine_row e = {
		.id = sqlite3_column_int64(st, 0),
		.uuid = column_text(st, 1),
		.host = column_text(st, 2),
		.language = column_text(st, 3),
		.pid = sqlite3_column_int64(st, 4),
		.since = sqlite3_column_int64(st, 5),
		.taskfs = sqlite3_column_int(st, 6),
	};

	v->engine(v->arg, &e);
}

static int each_row(struct db *db, const char *text,
		    void (*row)(sqlite3_stmt *, const struct store_visitor *),
		    const struct store_visitor *v)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->sql, text, -1, &st, NULL);

	if (rc != SQLITE_OK)
		return sql_errno(rc);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		row(st, v);
	sqlite3_finalize(st);
	return sql_errno(rc);
}

int db_load(struct db *db, const struct store_visitor *v)
{
	int err = each_row(db,
			   "SELECT id,token,name,kind,tasks,uid,gid,submitted,"
			   "options,length(code),length(stdin) FROM results "
			   "ORDER BY id",
			   load_result, v);

	if (!err)
		err = each_row(db,
			       "SELECT key,state,engine,engine_uuid,msg_id,"
			       "attempt,started,completed,received,exit_status,"
			       "signal,value_is_stdout,ename,evalue,traceback,"
			       "cwd,user,system,memory,stdout_size,stderr_size,"
			       "value_size,data_size,in_file FROM tasks "
			       "ORDER BY key",
			       load_task, v);
	if (!err)
		err = each_row(db, "SELECT * FROM engines ORDER BY id",
			       load_engine, v);
	return err;
}

char *db_meta(struct db *db, const char *key)
{
	sqlite3_stmt *st = statement(db, S_META_GET);
	char *value = NULL;

	if (!st)
		return NULL;
	bind_text(st, 1, key);
	if (sqlite3_step(st) == SQLITE_ROW && column_text(st, 0))
		value = xstrdup(column_text(st, 0));
	sqlite3_reset(st);
	return value;
}
