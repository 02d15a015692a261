#include "base/base.h"
#include "store_sql.h"

#include "wire/state.h"

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
	sqlite3_bind_int64(st, 15, r->born);
	return db_finish(st);
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
	bool late = op->early;

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
	sqlite3_bind_int64(st, 30, t->began);
	bind_count(st, 31, t->ran);
	sqlite3_bind_int64(st, 32, t->elapsed);
	err = db_finish(st);
	op->early = !err && sqlite3_changes(db->sql) == 0;
	/* Behind its result its next try may have begun. */
	if (!err && !late && t->state == STATE_PENDING)
		files_forget(db, t->result, t->index);
	return err;
}

static int run_input(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_INPUT);
	int rc;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)op->task.row.result);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		buf_clear(&op->task.code);
		buf_clear(&op->task.stdin_);
		buf_clear(&op->task.items);
		buf_put(&op->task.code, sqlite3_column_blob(st, 0),
			(size_t)sqlite3_column_bytes(st, 0));
		buf_put(&op->task.stdin_, sqlite3_column_blob(st, 1),
			(size_t)sqlite3_column_bytes(st, 1));
		buf_put(&op->task.items, sqlite3_column_blob(st, 2),
			(size_t)sqlite3_column_bytes(st, 2));
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? -ENOENT : sql_errno(rc);
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
	sqlite3_bind_int64(st, 5, op->rest.elapsed);
	sqlite3_bind_int64(st, 6, (int64_t)op->rest.result);
	return db_finish(st);
}

static int run_deps(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_DEPS);

	if (!st)
		return -EIO;
	bind_text(st, 1, op->result.deps);
	sqlite3_bind_int64(st, 2, (int64_t)op->result.id);
	return db_finish(st);
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
	return db_finish(st);
}

static int run_task_held(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(
		db, op->result.held ? S_HOLD_TASK : S_RELEASE_TASK);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, store_key(op->result.id, op->result.task));
	return db_finish(st);
}

static int run_options(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_OPTIONS);

	if (!st)
		return -EIO;
	bind_text(st, 1, op->result.options);
	sqlite3_bind_int64(st, 2, (int64_t)op->result.id);
	return db_finish(st);
}

static int run_read(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st;
	int rc;

	if (op->io.in_file)
		return files_read(db, op);
	if (op->io.stream >= STREAMS)
		return db_read_input(db, op);
	st = db_statement(db, S_READ + (int)op->io.stream);
	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, store_key(op->io.result, op->io.index));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		const char *p = sqlite3_column_blob(st, 0);

		op->io.size = (uint64_t)sqlite3_column_bytes(st, 0);
		if (op->io.offset < op->io.size)
			buf_put(&op->io.bytes, p + op->io.offset,
				min_u64(op->io.length,
					op->io.size - op->io.offset));
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? -ENOENT : sql_errno(rc);
}

/* Everything of the tasks of a result. */
static int purge_tasks(struct db *db, int statement, uint64_t result)
{
	sqlite3_stmt *st = db_statement(db, statement);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, store_key(result, 0));
	sqlite3_bind_int64(st, 2, store_key(result + 1, 0));
	return db_finish(st);
}

static int purge_of(struct db *db, int statement, uint64_t result)
{
	sqlite3_stmt *st = db_statement(db, statement);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)result);
	return db_finish(st);
}

/* What is in files now. */
static int note_files(struct db *db, struct store_op *op)
{
	uint64_t result = op->purge.result;
	sqlite3_stmt *st;
	int i, rc = sqlite3_prepare_v2(db->sql,
				       "SELECT key, in_file FROM tasks WHERE "
				       "key>=? AND key<? AND in_file>0",
				       -1, &st, NULL);

	if (rc != SQLITE_OK)
		return sql_errno(rc);
	sqlite3_bind_int64(st, 1, store_key(result, 0));
	sqlite3_bind_int64(st, 2, store_key(result + 1, 0));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		for (i = 0; i < STREAMS; i++) {
			struct purged_file f = {
				(uint32_t)(sqlite3_column_int64(st, 0) &
					   ((1 << INDEX_BITS) - 1)),
				(enum stream)i};

			if (sqlite3_column_int(st, 1) & 1 << i)
				buf_put(&op->purge.files, &f, sizeof(f));
		}
	sqlite3_finalize(st);
	return sql_errno(rc);
}

static int run_purge(struct db *db, struct store_op *op)
{
	uint64_t result = op->purge.result;
	int err = note_files(db, op);

	if (!err)
		err = db_purge_record(db, result);
	if (!err)
		err = purge_of(db, S_PURGE_RESULT, result);
	if (!err)
		err = purge_tasks(db, S_PURGE_HELD, result);
	if (!err)
		err = purge_tasks(db, S_PURGE_TASKS, result);
	return err ? err : purge_of(db, S_PURGE_BEGUN, result);
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
	bind_text(st, 8, e->process);
	sqlite3_bind_int64(st, 9, e->lost);
	sqlite3_bind_int64(st, 10, e->heard);
	return db_finish(st);
}

static int run_engine_gone(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_ENGINE_GONE);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, op->engine.id);
	return db_finish(st);
}

static int run_meta(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_META);

	if (!st)
		return -EIO;
	bind_text(st, 1, op->meta.key);
	bind_text(st, 2, op->meta.value);
	return db_finish(st);
}

static int (*const runs[STORE_KINDS])(struct db *, struct store_op *) = {
	[STORE_RESULT] = run_result,
	[STORE_TASK] = run_task,
	[STORE_START] = run_start,
	[STORE_APPEND] = files_append,
	[STORE_READ] = run_read,
	[STORE_HELD] = run_held,
	[STORE_TASK_HELD] = run_task_held,
	[STORE_OPTIONS] = run_options,
	[STORE_DEPS] = run_deps,
	[STORE_NOTHING] = run_nothing,
	[STORE_REST] = run_rest,
	[STORE_INPUT] = run_input,
	[STORE_READ_MANY] = db_read_many,
	[STORE_DETAILS] = db_read_details,
	[STORE_ITEMS] = db_read_items,
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
