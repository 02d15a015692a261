#include "base/base.h"
#include "purge.h"

#include "files.h"
#include "records.h"
#include "shrink.h"
#include "wire/limits.h"
#include "wire/state.h"

/* Runs a statement that removes something of all tasks of a result. */
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

/* Notes which outputs of the first so many tasks that have a row are files. */
static int note_files(struct db *db, struct store_op *op, int64_t tasks)
{
	uint64_t result = op->purge.result;
	sqlite3_stmt *st;
	int i, rc = sqlite3_prepare_v2(db->sql,
				       "SELECT key, in_file FROM (SELECT key, in_file "
				       "FROM tasks WHERE key>=? AND key<? "
				       "ORDER BY key LIMIT ?) WHERE in_file>0",
				       -1, &st, NULL);

	if (rc != SQLITE_OK)
		return sql_errno(rc);
	buf_clear(&op->purge.files);
	sqlite3_bind_int64(st, 1, store_key(result, 0));
	sqlite3_bind_int64(st, 2, store_key(result + 1, 0));
	sqlite3_bind_int64(st, 3, tasks);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		for (i = 0; i < STREAM_OUTPUTS; i++) {
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

int db_purge(struct db *db, struct store_op *op)
{
	uint64_t result = op->purge.result;
	int err = note_files(db, op, LIMIT_TASKS);

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

/* The files go after the rows that name them, and not before. */
void purge_behind(struct db *db, struct store_op *op, int err)
{
	if (!err)
		files_unlink(db, op);
	db->shrinks |= !err;
	buf_clear(&op->purge.files);
}

void purge_op_free(struct store_op *op)
{
	buf_done(&op->purge.files);
}

/* --- in parts ------------------------------------------------------------- */

/* Tasks of one part. */
#define PART_MOST 1024
#define PART_LEAST 16

/*
 * What a result without the rows of some of its tasks is: those were aborted. So that is
 * what is there when the controller is killed between two parts.
 */
static const char part_text[] =
	"UPDATE results SET rest_state=ifnull(rest_state, ?3),"
	" rest_when=ifnull(rest_when, submitted), rest_ename=ifnull(rest_ename, 'Purged'),"
	" rest_evalue=ifnull(rest_evalue, 'the purge of this result did not end'),"
	" rest_elapsed=ifnull(rest_elapsed, 0) WHERE id=?1",
	begun_text[] = "UPDATE begun SET tasks=tasks-(SELECT count(*) FROM (SELECT 1 FROM "
		       "tasks WHERE key>=?1<<24 AND key<(?1+1)<<24 LIMIT ?2)) "
		       "WHERE result=?1",
	rows_text[] = "DELETE FROM tasks WHERE key IN (SELECT key FROM tasks WHERE "
		      "key>=?1<<24 AND key<(?1+1)<<24 ORDER BY key LIMIT ?2)";

static int part_step(struct db *db, const char *text, uint64_t result, int64_t tasks)
{
	sqlite3_stmt *st;
	int err = sql_errno(sqlite3_prepare_v2(db->sql, text, -1, &st, NULL));

	if (err)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)result);
	sqlite3_bind_int64(st, 2, tasks);
	if (sqlite3_bind_parameter_count(st) > 2)
		sqlite3_bind_int(st, 3, STATE_ABORTED);
	err = sql_errno(sqlite3_step(st));
	sqlite3_finalize(st);
	return err;
}

static int purge_part(struct db *db, struct store_op *op, int64_t tasks, int *ret_gone)
{
	uint64_t result = op->purge.result;
	int err = db_begin(db);

	if (!err)
		err = note_files(db, op, tasks);
	if (!err)
		err = part_step(db, part_text, result, tasks);
	if (!err)
		err = part_step(db, begun_text, result, tasks);
	if (!err)
		err = part_step(db, rows_text, result, tasks);
	*ret_gone = err ? 0 : sqlite3_changes(db->sql);
	if (!err)
		err = db_commit(db);
	if (err)
		db_rollback(db);
	else
		files_unlink(db, op);
	buf_clear(&op->purge.files);
	return db_no_room(db, err);
}

int purge_in_parts(struct db *db, struct store_op *op)
{
	int64_t tasks = PART_MOST;
	int gone = PART_MOST, err = 0;

	/* Until a part finds less than it could take. */
	while (!err && gone == tasks) {
		/* What the last part has written twice takes room once then. */
		db_empty_log(db);
		err = purge_part(db, op, tasks, &gone);
		if (err == -ENOSPC && tasks > PART_LEAST) {
			tasks /= 4;
			gone = (int)tasks;
			err = 0;
		}
	}
	db_empty_log(db);
	return err;
}
