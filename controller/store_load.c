#include "base/base.h"
#include "store_sql.h"

#include "wire/state.h"

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
		.deps = column_text(st, 9),
		.held = sqlite3_column_int(st, 10),
		.code_size = (uint64_t)sqlite3_column_int64(st, 11),
		.stdin_size = (uint64_t)column_or(st, 12, 0),
		.has_stdin = sqlite3_column_type(st, 12) != SQLITE_NULL,
		.rest_state = sqlite3_column_int(st, 14),
		.rest_when = sqlite3_column_int64(st, 15),
		.rest_ename = column_text(st, 16),
		.rest_evalue = column_text(st, 17),
	};

	r.items.p = (char *)(uintptr_t)sqlite3_column_blob(st, 13);
	r.items.n = (size_t)sqlite3_column_bytes(st, 13);
	v->result(v->arg, &r);
}

static void load_task(sqlite3_stmt *st, const struct store_visitor *v)
{
	int64_t key = sqlite3_column_int64(st, 0);
	bool usage = sqlite3_column_type(st, 17) != SQLITE_NULL;
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
		.attempts = column_text(st, 16),
		.user = usage ? sqlite3_column_double(st, 17) : -1,
		.system = sqlite3_column_double(st, 18),
		.memory = sqlite3_column_int64(st, 19),
	};
	int i;

	for (i = 0; i < STREAMS; i++) {
		t.size[i] = (uint64_t)sqlite3_column_int64(st, 20 + i);
		t.in_file[i] = sqlite3_column_int(st, 24) & 1 << i;
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

#define TASK_COLUMNS \
	"SELECT key,state,engine,engine_uuid,msg_id,attempt,started," \
	"completed,received,exit_status,signal,value_is_stdout,ename,evalue," \
	"traceback,cwd,attempts,user,system,memory,stdout_size,stderr_size," \
	"value_size,data_size,in_file FROM tasks "

/* Copies what load_task() only shows. */
static void keep_row(void *arg, const struct task_row *row)
{
	struct task_row *to = arg;

	task_row_done(to);
	*to = *row;
	to->msg_id = row->msg_id ? xstrdup(row->msg_id) : NULL;
	to->engine_uuid = row->engine_uuid ? xstrdup(row->engine_uuid) : NULL;
	to->cwd = row->cwd ? xstrdup(row->cwd) : NULL;
	to->attempts = row->attempts ? xstrdup(row->attempts) : NULL;
	to->ename = row->ename ? xstrdup(row->ename) : NULL;
	to->evalue = row->evalue ? xstrdup(row->evalue) : NULL;
	to->traceback = row->traceback ? xstrdup(row->traceback) : NULL;
}

int db_read_details(struct db *db, struct store_op *op)
{
	struct task_row *row = &op->task.row;
	struct store_visitor v = {.task = keep_row, .arg = row};
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->sql, TASK_COLUMNS "WHERE key=?", -1,
				    &st, NULL);

	if (rc != SQLITE_OK)
		return sql_errno(rc);
	sqlite3_bind_int64(st, 1, store_key(row->result, row->index));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		load_task(st, &v);
	sqlite3_finalize(st);
	return sql_errno(rc);
}

/* One of the tasks; false: the reply ends before it. */
static bool take_one(sqlite3_stmt *st, struct store_op *op, int64_t want)
{
	int column = 4 + (int)op->io.stream;
	enum stream s = op->io.stream;
	uint64_t n;

	if (sqlite3_column_int64(st, 0) != want || sqlite3_column_int(st, 1) < STATE_OK)
		return false;
	if (s == STREAM_VALUE && sqlite3_column_int(st, 2)) {
		s = STREAM_STDOUT;
		column = 4 + STREAM_STDOUT;
	}
	n = (uint64_t)sqlite3_column_bytes(st, column);
	if (sqlite3_column_int(st, 3) & 1 << s ||
	    (op->io.bytes.n + n > op->io.length && op->io.bytes.n))
		return false;
	buf_put(&op->io.bytes, sqlite3_column_blob(st, column), n);
	buf_put(&op->io.sizes, &n, sizeof(n));
	return true;
}

int db_read_many(struct db *db, struct store_op *op)
{
	int64_t key = store_key(op->io.result, op->io.index);
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->sql,
				    "SELECT key,state,value_is_stdout,in_file,"
				    "stdout,stderr,value,data FROM tasks "
				    "WHERE key>=? AND key<? ORDER BY key",
				    -1, &st, NULL);

	if (rc != SQLITE_OK)
		return sql_errno(rc);
	sqlite3_bind_int64(st, 1, key);
	sqlite3_bind_int64(st, 2, key + (int64_t)op->io.count);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && take_one(st, op, key))
		key++;
	sqlite3_finalize(st);
	return sql_errno(rc);
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

static void load_held(sqlite3_stmt *st, const struct store_visitor *v)
{
	int64_t key = sqlite3_column_int64(st, 0);

	v->held(v->arg, (uint64_t)key >> INDEX_BITS,
		(uint32_t)(key & ((1 << INDEX_BITS) - 1)));
}

int db_load(struct db *db, const struct store_visitor *v)
{
	/* Of a submission that could not be stored and that nobody heard of. */
	int err = sql_errno(sqlite3_exec(
		db->sql,
		"DELETE FROM tasks WHERE (key>>24) NOT IN "
		"(SELECT id FROM results)",
		NULL, NULL, NULL));

	files_sweep(db);
	if (!err)
		err = each_row(db,
			   "SELECT id,token,name,kind,tasks,uid,gid,submitted,"
			   "options,deps,held,length(code),length(stdin),"
			   "items,rest_state,rest_when,rest_ename,rest_evalue "
			   "FROM results "
			   "ORDER BY id",
			   load_result, v);

	if (!err)
		err = each_row(db, TASK_COLUMNS "ORDER BY key", load_task, v);
	if (!err)
		err = each_row(db, "SELECT key FROM held_tasks", load_held, v);
	if (!err)
		err = db_load_records(db, v);
	if (!err)
		err = each_row(db, "SELECT * FROM engines ORDER BY id",
			       load_engine, v);
	return err;
}
