#include "base/base.h"
#include "check.h"

#include "store/deps.h"
#include "store/files.h"
#include "store/load.h"
#include "store/open.h"
#include "store/sql.h"
#include "wire/json.h"
#include "wire/state.h"

struct check {
	struct db db;
	FILE *out;
	uint64_t faults, results, tasks;
	sqlite3_stmt *size;	/* tasks of a result */
};

__attribute__((format(printf, 2, 3))) static void
fault(struct check *k, const char *format, ...)
{
	va_list args;

	k->faults++;
	va_start(args, format);
	vfprintf(k->out, format, args);
	va_end(args);
	fputc('\n', k->out);
}

/* Looks at the pages of the database, as SQLite sees them. */
static void check_pages(struct check *k)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(k->db.sql, "PRAGMA integrity_check(20)", -1,
				    &st, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *said = (const char *)sqlite3_column_text(st, 0);

		if (said && strcmp(said, "ok") != 0)
			fault(k, "tasks.db: %s", said);
		rc = SQLITE_OK;
	}
	if (sql_errno(rc))
		fault(k, "tasks.db: %s", sqlite3_errmsg(k->db.sql));
	sqlite3_finalize(st);
}

static bool see_result(void *arg, const struct result_row *row)
{
	struct check *k = arg;
	struct json_object *o = row->options
					? json_parse(bytes_str(row->options), NULL)
					: NULL;
	bool good = o && json_object_is_type(o, json_type_object) &&
		    deps_are_good(row->deps);

	k->results++;
	json_object_put(o);
	return good;
}

static void check_outputs(struct check *k, const struct task_row *row)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		uint64_t size = 0;
		int err;

		if (!row->in_file[i])
			continue;
		err = files_size(&k->db, row->result, row->index, (enum stream)i,
				 &size);
		if (err)
			fault(k, "the %s of task %u of result %llu is missing: "
			      "outputs/ has no such file",
			      stream_name((enum stream)i), row->index,
			      (unsigned long long)row->result);
		else if (size < row->size[i])
			fault(k, "the %s of task %u of result %llu is cut short: "
			      "%llu of %llu bytes",
			      stream_name((enum stream)i), row->index,
			      (unsigned long long)row->result,
			      (unsigned long long)size,
			      (unsigned long long)row->size[i]);
	}
}

static bool see_task(void *arg, const struct task_row *row)
{
	struct check *k = arg;
	bool known;

	k->tasks++;
	sqlite3_bind_int64(k->size, 1, (int64_t)row->result);
	known = sqlite3_step(k->size) == SQLITE_ROW &&
		row->index < sqlite3_column_int64(k->size, 0);
	sqlite3_reset(k->size);
	if (state_is_final((enum state)row->state))
		check_outputs(k, row);
	return known && row->state > STATE_NONE && row->state < STATES;
}

static void check_rows(struct check *k)
{
	struct store_visitor v = {
		.result = see_result, .task = see_task, .arg = k};
	struct buf why = BUF_INIT;
	int rc = sqlite3_prepare_v2(k->db.sql,
				    "SELECT tasks FROM results WHERE id=?", -1,
				    &k->size, NULL);

	if (rc != SQLITE_OK)
		fault(k, "tasks.db: %s", sqlite3_errmsg(k->db.sql));
	else if (db_read_all(&k->db, &v, &why))
		fault(k, "%s", buf_str(&why));
	sqlite3_finalize(k->size);
	buf_done(&why);
}

/* Looks at small outputs, which are in the rows of their tasks. */
static void check_small(struct check *k)
{
	static const char select[] =
		"SELECT key, in_file, stdout_size, length(stdout), stderr_size,"
		" length(stderr), value_size, length(value), data_size,"
		" length(data) FROM tasks WHERE state>=3";
	sqlite3_stmt *st;
	int i, rc = sqlite3_prepare_v2(k->db.sql, select, -1, &st, NULL);

	static_assert(STATE_OK == 3, "above");
	while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		for (i = 0; i < STREAM_OUTPUTS; i++) {
			int64_t key = sqlite3_column_int64(st, 0);
			int64_t size = sqlite3_column_int64(st, 2 + 2 * i);
			int64_t here = sqlite3_column_int64(st, 3 + 2 * i);

			if (sqlite3_column_int(st, 1) & 1 << i || here >= size)
				continue;
			fault(k, "the %s of task %lld of result %lld is cut "
			      "short: %lld of %lld bytes",
			      stream_name((enum stream)i),
			      (long long)(key & ((1 << INDEX_BITS) - 1)),
			      (long long)(key >> INDEX_BITS), (long long)here,
			      (long long)size);
		}
	sqlite3_finalize(st);
}

int store_check(const char *dir, FILE *out)
{
	struct check k = {.out = out};
	struct buf why = BUF_INIT;
	int err = db_open_readonly(&k.db, dir, &why);

	if (err && err != -EUCLEAN) {
		fprintf(out, "%s\n", buf_str(&why));
		buf_done(&why);
		db_close(&k.db);
		return err;
	}
	if (err)
		fault(&k, "%s", buf_str(&why));
	buf_done(&why);
	if (k.db.sql) {
		check_pages(&k);
		if (!err) {
			check_rows(&k);
			check_small(&k);
		}
	}
	if (k.faults)
		fprintf(out, "%llu faults; taskfs-controller --recover rebuilds "
			     "what can be, from a copy\n",
			(unsigned long long)k.faults);
	else
		fprintf(out, "%llu results and %llu tasks are whole\n",
			(unsigned long long)k.results,
			(unsigned long long)k.tasks);
	db_close(&k.db);
	return k.faults ? -EUCLEAN : 0;
}
