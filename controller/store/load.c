#include "base/base.h"
#include "load.h"

#include "files.h"
#include "open.h"
#include "pools.h"
#include "sql.h"
#include "wire/limits.h"
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

/* How far the reading is. */
struct reading {
	struct db *db;
	const struct store_visitor *v;
	struct buf *why;
	uint64_t result;	/* the result of the last task that was read */
	int64_t rows;		/* how many of its tasks were read */
};

static int damaged(struct reading *rd, const char *what, uint64_t result)
{
	buf_printf(rd->why, "%s: %s (result %llu)", rd->db->path, what,
		   (unsigned long long)result);
	return -EUCLEAN;
}

/* What a column may hold; it may always be NULL. */
struct column_range {
	int column;
	int64_t min, max;
};

/* repair/repair.c has the same limits, and repairs what does not fit. */
static const struct column_range result_ranges[] = {
	{5, 0, LIMIT_ID},    {6, 0, LIMIT_ID},   {7, 0, LIMIT_TIME},
	{15, 0, LIMIT_TIME}, {18, 0, LIMIT_TIME}, {19, 0, LIMIT_TIME},
};
static const struct column_range task_ranges[] = {
	{2, -1, INT32_MAX},   {5, 0, UINT16_MAX},   {6, 0, LIMIT_TIME},
	{7, 0, LIMIT_TIME},   {8, 0, LIMIT_TIME},   {9, -1, LIMIT_EXIT},
	{10, -1, LIMIT_SIGNAL}, {25, 0, LIMIT_TIME}, {26, 0, LIMIT_TIME},
	{27, 0, LIMIT_TIME},
};

static bool fits(sqlite3_stmt *st, const struct column_range *r, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int64_t value = sqlite3_column_int64(st, r[i].column);

		if (sqlite3_column_type(st, r[i].column) != SQLITE_NULL &&
		    (value < r[i].min || value > r[i].max))
			return false;
	}
	return true;
}

static int load_result(sqlite3_stmt *st, struct reading *rd)
{
	int64_t tasks = sqlite3_column_int64(st, 4);
	struct result_row r = {
		.id = (uint64_t)sqlite3_column_int64(st, 0),
		.token = column_text(st, 1),
		.name = column_text(st, 2),
		.kind = column_text(st, 3),
		.tasks = (uint64_t)tasks,
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
		.born = column_or(st, 18, sqlite3_column_int64(st, 7)),
		.rest_elapsed = sqlite3_column_int64(st, 19),
	};

	r.items.p = (char *)(uintptr_t)sqlite3_column_blob(st, 13);
	r.items.n = (size_t)sqlite3_column_bytes(st, 13);
	if (!fits(st, result_ranges, ARRAY_SIZE(result_ranges)))
		return damaged(rd, "a number of it cannot be", r.id);
	if (tasks < 0 || tasks > LIMIT_TASKS || (int64_t)r.id < 1)
		return damaged(rd, "it has an impossible number of tasks", r.id);
	if (!rd->v->result(rd->v->arg, &r))
		return damaged(rd, "its options, or what it waits for, cannot be "
				   "read", r.id);
	return 0;
}

/* The row of a task. Its strings are SQLite's, until the next row. */
static struct task_row read_task(sqlite3_stmt *st)
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
		.began = sqlite3_column_int64(st, 25),
		.ran = sqlite3_column_int64(st, 26),
		.elapsed = sqlite3_column_int64(st, 27),
	};
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		t.size[i] = (uint64_t)sqlite3_column_int64(st, 20 + i);
		t.in_file[i] = sqlite3_column_int(st, 24) & 1 << i;
	}
	return t;
}

/* All rows of a result's tasks were read. There must be as many as were stored
 * (the table `begun`). */
static int check_rows(struct reading *rd)
{
	sqlite3_stmt *st = db_statement(rd->db, S_BEGUN);
	int64_t begun = 0;
	int rc;

	if (!rd->rows)
		return 0;
	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)rd->result);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		begun = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	if (sql_errno(rc))
		return db_said(rd->db, rc);
	if (begun != rd->rows)
		return damaged(rd, "tasks are missing that were begun",
			       rd->result);
	return 0;
}

static int load_task(sqlite3_stmt *st, struct reading *rd)
{
	struct task_row t = read_task(st);
	int err = 0;

	if (t.result != rd->result) {
		err = check_rows(rd);
		rd->result = t.result;
		rd->rows = 0;
	}
	rd->rows++;
	if (!err && !fits(st, task_ranges, ARRAY_SIZE(task_ranges)))
		err = damaged(rd, "a number of a task cannot be", t.result);
	if (!err && !rd->v->task(rd->v->arg, &t))
		err = damaged(rd, "a task is of no result, or in no state",
			      t.result);
	return err;
}

/* A row of `begun` for whose result there is no task. */
static int load_begun(sqlite3_stmt *st, struct reading *rd)
{
	return damaged(rd, "tasks are missing that were begun",
		       (uint64_t)sqlite3_column_int64(st, 0));
}

static int load_engine(sqlite3_stmt *st, struct reading *rd)
{
	struct engine_row e = {
		.id = sqlite3_column_int64(st, 0),
		.uuid = column_text(st, 1),
		.host = column_text(st, 2),
		.language = column_text(st, 3),
		.pid = sqlite3_column_int64(st, 4),
		.since = sqlite3_column_int64(st, 5),
		.taskfs = sqlite3_column_int(st, 6),
		.process = column_text(st, 7),
		.lost = sqlite3_column_int64(st, 8),
		.heard = sqlite3_column_int64(st, 9),
		.slots = sqlite3_column_int64(st, 10),
		.launch = column_text(st, 11),
	};

	if (rd->v->engine)
		rd->v->engine(rd->v->arg, &e);
	return 0;
}

#define TASK_COLUMNS \
	"SELECT key,state,engine,engine_uuid,msg_id,attempt,started," \
	"completed,received,exit_status,signal,value_is_stdout,ename,evalue," \
	"traceback,cwd,attempts,user,system,memory,stdout_size,stderr_size," \
	"value_size,data_size,in_file,began,ran,elapsed FROM tasks "

/* Copies a row of read_task(), strings and all. */
static void keep_row(struct task_row *to, const struct task_row *row)
{
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
	struct task_row *row = &op->task.row, now;
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->sql, TASK_COLUMNS "WHERE key=?", -1,
				    &st, NULL);

	if (rc != SQLITE_OK)
		return sql_errno(rc);
	sqlite3_bind_int64(st, 1, store_key(row->result, row->index));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		now = read_task(st);
		keep_row(row, &now);
	}
	sqlite3_finalize(st);
	return sql_errno(rc);
}

/* Appends the stream of one task. False: the answer ends before that task. */
static bool take_one(sqlite3_stmt *st, struct store_op *op, int64_t want)
{
	enum stream s = op->io.stream;
	uint64_t n;
	int column;

	if (sqlite3_column_int64(st, 0) != want || sqlite3_column_int(st, 1) < STATE_OK)
		return false;
	if (s == STREAM_VALUE && sqlite3_column_int(st, 2))
		s = STREAM_STDOUT;
	column = 4 + (int)s;
	n = (uint64_t)sqlite3_column_bytes(st, column);
	/* Bytes that are lost are an error of that task alone: mounts/fetch.c. */
	if (sqlite3_column_int(st, 3) & 1 << s ||
	    n < (uint64_t)sqlite3_column_int64(st, column + STREAM_OUTPUTS) ||
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
				    "stdout,stderr,value,data,stdout_size,"
				    "stderr_size,value_size,data_size FROM tasks "
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

static int each_row(struct reading *rd, const char *text,
		    int (*row)(sqlite3_stmt *, struct reading *))
{
	sqlite3_stmt *st;
	int err = 0, rc = sqlite3_prepare_v2(rd->db->sql, text, -1, &st, NULL);

	if (rc != SQLITE_OK)
		return db_said(rd->db, rc);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = row(st, rd);
	if (!err)
		err = db_said(rd->db, rc);
	sqlite3_finalize(st);
	return err;
}

static int load_held(sqlite3_stmt *st, struct reading *rd)
{
	int64_t key = sqlite3_column_int64(st, 0);

	if (rd->v->held)
		rd->v->held(rd->v->arg, (uint64_t)key >> INDEX_BITS,
			    (uint32_t)(key & ((1 << INDEX_BITS) - 1)));
	return 0;
}

static int load_record(sqlite3_stmt *st, struct reading *rd)
{
	if (rd->v->record)
		rd->v->record(rd->v->arg, (uint64_t)sqlite3_column_int64(st, 0),
			      (const char *)sqlite3_column_text(st, 1),
			      (uint64_t)sqlite3_column_int64(st, 2));
	return 0;
}

/* what: why the row cannot be; NULL: it can. */
static int see_row(struct reading *rd, const char *what, int64_t id)
{
	if (!what)
		return 0;
	buf_printf(rd->why, "%s: %s (%lld)", rd->db->path, what, (long long)id);
	return -EUCLEAN;
}

static int load_pool(sqlite3_stmt *st, struct reading *rd)
{
	struct pool_row p;
	const char *what = pool_row_read(st, &p);
	int err = see_row(rd, what, p.id);

	if (!err && rd->v->pool)
		rd->v->pool(rd->v->arg, &p);
	return err;
}

static int load_launch(sqlite3_stmt *st, struct reading *rd)
{
	struct launch_row l;
	const char *what = launch_row_read(st, &l);
	int err = see_row(rd, what, l.id);

	if (!err && rd->v->launch)
		rd->v->launch(rd->v->arg, &l);
	return err;
}

static int load_meta(sqlite3_stmt *st, struct reading *rd)
{
	/* db_meta(), which reads one row at a time, could not tell. */
	if (!sqlite3_column_text(st, 0) || !sqlite3_column_text(st, 1))
		return damaged(rd, "a row of meta is empty", 0);
	return 0;
}

/* Without these rows an id would be given twice. */
static int load_no_meta(sqlite3_stmt *st, struct reading *rd)
{
	buf_printf(rd->why, "%s: the row %s of meta is missing, or no "
			    "number", rd->db->path,
		   (const char *)sqlite3_column_text(st, 0));
	return -EUCLEAN;
}

/* In this order: a row refers only to rows that stand further up here. */
static const struct {
	const char *select;
	int (*row)(sqlite3_stmt *st, struct reading *rd);
} readings[] = {
	{"SELECT id,token,name,kind,tasks,uid,gid,submitted,options,deps,held,"
	 "length(code),length(stdin),items,rest_state,rest_when,rest_ename,"
	 "rest_evalue,born,rest_elapsed FROM results ORDER BY id", load_result},
	{TASK_COLUMNS "ORDER BY key", load_task},
	{"SELECT result FROM begun WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE "
	 "key>=result<<24 AND key<(result+1)<<24)", load_begun},
	{"SELECT key FROM held_tasks", load_held},
	{"SELECT result, msg_id, (SELECT SUM(LENGTH(bytes)) FROM "
	 "record_buffers WHERE record=result) FROM records", load_record},
	{"SELECT * FROM engines ORDER BY id", load_engine},
	{POOL_COLUMNS, load_pool},
	{LAUNCH_COLUMNS, load_launch},
	{"SELECT key, value FROM meta", load_meta},
	{"SELECT column1 FROM (VALUES('cluster'),('next_result'),('next_engine'),"
	 "('next_launch')) "
	 "WHERE column1 NOT IN (SELECT key FROM meta WHERE key='cluster' OR "
	 "value NOT GLOB '*[^0-9]*') AND EXISTS(SELECT 1 FROM results)", load_no_meta},
};

int db_read_all(struct db *db, const struct store_visitor *v, struct buf *why)
{
	struct reading rd = {.db = db, .v = v, .why = why};
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(readings) && !err; i++) {
		err = each_row(&rd, readings[i].select, readings[i].row);
		if (!err && readings[i].row == load_task)
			err = check_rows(&rd);
	}
	db_say(db, err, why);
	return err;
}

int db_read_pools(struct db *db, const struct store_visitor *v, struct buf *why)
{
	struct reading rd = {.db = db, .v = v, .why = why};
	int err = each_row(&rd, POOL_COLUMNS, load_pool);

	if (!err)
		err = each_row(&rd, LAUNCH_COLUMNS, load_launch);
	db_say(db, err, why);
	return err;
}

int db_load(struct db *db, const struct store_visitor *v, uint64_t *ret_lost,
	    struct buf *why)
{
	int err = db_read_all(db, v, why);

	*ret_lost = 0;
	if (!err)
		err = db_accept(db);
	if (!err)
		err = files_put_aside(db, ret_lost);
	db_say(db, err, why);
	return err;
}

char *db_meta(struct db *db, const char *key)
{
	sqlite3_stmt *st = db_statement(db, S_META_GET);
	char *value = NULL;

	if (!st)
		return NULL;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0))
		value = xstrdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_reset(st);
	return value;
}
