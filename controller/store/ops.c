#include "base/base.h"
#include "ops.h"

#include "files.h"
#include "input.h"
#include "load.h"
#include "pools.h"
#include "purge.h"
#include "records.h"
#include "sql.h"
#include "wire/nearby.h"
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

/* A time that is 0 or less is stored as NULL. */
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

	for (i = 0; i < STREAM_OUTPUTS; i++)
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
	for (i = 0; i < STREAM_OUTPUTS; i++) {
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
	/* When the row came early, the next try may have begun already. */
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

static int run_grow(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_GROW);

	if (!st)
		return -EIO;
	bind_blob(st, 1, &op->result.items);
	sqlite3_bind_int64(st, 2, (int64_t)op->result.tasks);
	sqlite3_bind_int64(st, 3, (int64_t)op->result.id);
	return db_finish(st);
}

static int run_read(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st;
	int rc;

	if (op->io.in_file)
		return files_read(db, op);
	if (op->io.stream >= STREAM_OUTPUTS)
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
	sqlite3_bind_int64(st, 11, e->slots);
	bind_text(st, 12, e->launch);
	return db_finish(st);
}

static int run_engine_gone(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_ENGINE_GONE);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, op->engine.id);
	nearby_sweep(db->outputs);
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

/* --- what an operation holds -------------------------------------------- */

static uint64_t bytes_of_result(const struct store_op *op)
{
	return op->result.code.n + op->result.stdin_.n + op->result.items.n;
}

static void free_result(struct store_op *op)
{
	free(op->result.token);
	free(op->result.name);
	free(op->result.options);
	free(op->result.deps);
	buf_done(&op->result.code);
	buf_done(&op->result.stdin_);
	buf_done(&op->result.items);
}

static uint64_t bytes_of_task(const struct store_op *op)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		n += op->task.row.bytes[i].n;
	return n;
}

static void free_task(struct store_op *op)
{
	task_row_done(&op->task.row);
	buf_done(&op->task.code);
	buf_done(&op->task.stdin_);
	buf_done(&op->task.items);
}

static void free_rest(struct store_op *op)
{
	free(op->rest.ename);
	free(op->rest.evalue);
}

static uint64_t bytes_of_io(const struct store_op *op)
{
	return op->io.bytes.n;
}

static void clear_io(struct store_op *op)
{
	buf_clear(&op->io.bytes);
	buf_clear(&op->io.sizes);
}

static void free_io(struct store_op *op)
{
	buf_done(&op->io.bytes);
	buf_done(&op->io.sizes);
	free(op->io.name);
}

static void free_engine(struct store_op *op)
{
	free(op->engine.uuid);
	free(op->engine.host);
	free(op->engine.language);
	free(op->engine.process);
	free(op->engine.launch);
}

static void free_meta(struct store_op *op)
{
	free(op->meta.value);
}

/* --- the kinds ---------------------------------------------------------- */

static const struct op_kind kinds[STORE_KINDS] = {
	[STORE_RESULT] = {.run = run_result, .bytes = bytes_of_result, .free = free_result,
			  .grows = true},
	[STORE_HELD] = {.run = run_held, .free = free_result},
	[STORE_TASK_HELD] = {.run = run_task_held, .free = free_result},
	[STORE_OPTIONS] = {.run = run_options, .free = free_result},
	[STORE_GROW] = {.run = run_grow, .bytes = bytes_of_result, .free = free_result,
			.grows = true},
	[STORE_DEPS] = {.run = run_deps, .free = free_result},
	[STORE_REST] = {.run = run_rest, .free = free_rest},
	[STORE_PURGE] = {.run = db_purge, .free = purge_op_free, .behind = purge_behind,
			 .in_parts = purge_in_parts, .makes_room = true},
	[STORE_TASK] = {.run = run_task, .bytes = bytes_of_task, .free = free_task},
	[STORE_START] = {.run = run_start, .free = free_task, .grows = true},
	[STORE_INPUT] = {.run = run_input, .free = free_task},
	[STORE_DETAILS] = {.run = db_read_details, .free = free_task},
	[STORE_APPEND] = {.run = files_append, .bytes = bytes_of_io, .free = free_io,
			  .grows = true},
	[STORE_ADOPT] = {.run = files_adopt, .free = free_io},
	[STORE_READ] = {.run = run_read, .free = free_io, .once_more = clear_io},
	[STORE_READ_MANY] = {.run = db_read_many, .free = free_io, .once_more = clear_io},
	[STORE_ITEMS] = {.run = db_read_items, .free = free_io},
	[STORE_ENGINE] = {.run = run_engine, .free = free_engine},
	[STORE_ENGINE_GONE] = {.run = run_engine_gone, .free = free_engine},
	[STORE_POOL] = {.run = db_put_pool, .free = pool_op_free},
	[STORE_POOL_GONE] = {.run = db_remove_pool, .free = pool_op_free, .makes_room = true},
	[STORE_LAUNCH] = {.run = db_put_launch, .free = launch_op_free},
	[STORE_LAUNCH_GONE] = {.run = db_remove_launch, .free = launch_op_free, .makes_room = true},
	[STORE_META] = {.run = run_meta, .free = free_meta},
	[STORE_RECORD] = {.run = db_put_record, .bytes = record_op_bytes,
			  .free = record_op_free, .grows = true},
	[STORE_RECORD_END] = {.run = db_put_record_end, .bytes = record_op_bytes,
			      .free = record_op_free},
	[STORE_RECORD_IO] = {.run = db_put_record_io, .free = record_op_free},
	[STORE_RESUBMITTED] = {.run = db_put_resubmitted, .free = record_op_free},
	[STORE_QUERY] = {.run = db_query, .alone = true},
	[STORE_NOTHING] = {.run = run_nothing},
};

const struct op_kind *op_kind(const struct store_op *op)
{
	return &kinds[op->kind];
}

bool db_refuses(struct db *db, const struct store_op *op)
{
	if (op_kind(op)->grows && db->reserve.full)
		reserve_look(&db->reserve);
	return op_kind(op)->grows && db->reserve.full;
}

int db_run(struct db *db, struct store_op *op)
{
	return db_no_room(db, op_kind(op)->run(db, op));
}
