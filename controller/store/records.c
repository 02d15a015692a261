#include "base/base.h"
#include "records.h"

#include "base/log.h"
#include "files.h"
#include "search.h"
#include "sql.h"
#include "wire/ids.h"
#include "wire/limits.h"
#include "wire/scan.h"

/* A record shows so many bytes of an output that is a file. */
#define OUTPUT_SHOWN (8 * MIB)

/*
 * After so many of its steps SQLite asks whether it shall go on (is_late()). It asks
 * between records only, so the conditions on one record ask, too, with in_time().
 */
#define STEPS 100

static int is_late(void *arg)
{
	const struct db *db = arg;

	return mono_usec() > db->until;
}

/* --- functions for the SQL of columns.c and records/filter.c ------------- */

static void in_time(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	(void)n;
	(void)v;
	if (is_late(sqlite3_user_data(ctx)))
		sqlite3_result_error_code(ctx, SQLITE_INTERRUPT);
	else
		sqlite3_result_int(ctx, 1);
}

static void isodate(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	char date[DATE_SIZE];

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL)
		return;
	date_format(sqlite3_value_int64(v[0]), date);
	sqlite3_result_text(ctx, date, -1, SQLITE_TRANSIENT);
}

/* Bytes as a JSON string; what is no UTF-8 becomes U+FFFD. */
static void jtext(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct buf b = BUF_INIT;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL)
		return;
	json_put_text(&b, bytes_of(sqlite3_value_blob(v[0]),
				   (size_t)sqlite3_value_bytes(v[0])));
	sqlite3_result_text64(ctx, b.p, b.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	sqlite3_result_subtype(ctx, 'J');
	buf_done(&b);
}

/* output(key, stream, in_file, bytes): the bytes, or those of the file. */
static void output(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct db *db = sqlite3_user_data(ctx);
	int64_t key = sqlite3_value_int64(v[0]);
	struct store_op op = {.kind = STORE_READ};

	(void)n;
	op.io.stream = (enum stream)sqlite3_value_int(v[1]);
	if (!(sqlite3_value_int(v[2]) & 1 << op.io.stream)) {
		sqlite3_result_value(ctx, v[3]);
		return;
	}
	op.io.result = (uint64_t)key >> INDEX_BITS;
	op.io.index = (uint32_t)(key & ((1 << INDEX_BITS) - 1));
	op.io.length = OUTPUT_SHOWN;
	if (files_read(db, &op) == 0)
		sqlite3_result_blob64(ctx, op.io.bytes.p ? op.io.bytes.p : "",
				      op.io.bytes.n, SQLITE_TRANSIENT);
	buf_done(&op.io.bytes);
}

/* within(part, whole): whether bytes are part of others. SQLite's instr() is slow when
 * the part is long. */
static void within(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const void *part = sqlite3_value_blob(v[0]);
	const void *whole = sqlite3_value_blob(v[1]);
	size_t part_n = (size_t)sqlite3_value_bytes(v[0]);
	size_t whole_n = (size_t)sqlite3_value_bytes(v[1]);

	(void)n;
	if (sqlite3_value_type(v[1]) != SQLITE_NULL)
		sqlite3_result_int(ctx, !part_n ||
						(whole_n && memmem(whole, whole_n,
								   part, part_n)));
}

/* From SQLite 3.45 on functions that give JSON have to say so. */
#ifndef SQLITE_RESULT_SUBTYPE
#define SQLITE_RESULT_SUBTYPE 0
#endif

int db_open_records(struct db *db)
{
	static const struct {
		const char *name;
		int args;
		void (*run)(sqlite3_context *ctx, int n, sqlite3_value **v);
	} functions[] = {{"isodate", 1, isodate}, {"jtext", 1, jtext},
			 {"output", 4, output}, {"within", 2, within},
			 {"in_time", 0, in_time}};
	int rc = SQLITE_OK;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions) && rc == SQLITE_OK; i++)
		rc = sqlite3_create_function(
			db->sql, functions[i].name, functions[i].args,
			SQLITE_UTF8 | SQLITE_RESULT_SUBTYPE, db,
			functions[i].run, NULL, NULL);
	return sql_errno(rc);
}

/* --- what comes in ------------------------------------------------------ */

static void bind_part(sqlite3_stmt *st, int i, const struct msg *m,
		      enum msg_part part)
{
	struct bytes b = msg_part(m, part);

	sqlite3_bind_text64(st, i, b.p, b.n, SQLITE_STATIC, SQLITE_UTF8);
}

static bool too_large(const struct msg *m)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < msg_buffers(m); i++)
		sum += msg_buffer(m, i).n;
	return sum > LIMIT_RECORD;
}

static int put_buffers(struct db *db, struct store_op *op, bool reply)
{
	sqlite3_stmt *st = db_statement(db, S_RECORD_BUFFER);
	const struct msg *m = &op->record.msg;
	unsigned i;
	int err = 0;

	op->record.kept = 0;
	if (!st)
		return -EIO;
	if (too_large(m))
		return 0;
	for (i = 0; i < msg_buffers(m) && !err; i++) {
		struct bytes b = msg_buffer(m, i);

		sqlite3_bind_int64(st, 1, (int64_t)op->record.result);
		sqlite3_bind_int(st, 2, reply);
		sqlite3_bind_int64(st, 3, i);
		sqlite3_bind_blob64(st, 4, b.p ? b.p : "", b.n, SQLITE_STATIC);
		err = db_finish(st);
		op->record.kept += b.n;
	}
	return err;
}

static void bind_str(sqlite3_stmt *st, int i, const char *s)
{
	if (s)
		sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

int db_put_record(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_RECORD);
	int err;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)op->record.result);
	bind_str(st, 2, op->record.msg_id);
	bind_str(st, 3, op->record.queue);
	sqlite3_bind_int64(st, 4, op->record.submitted);
	bind_part(st, 5, &op->record.msg, MSG_HEADER);
	bind_part(st, 6, &op->record.msg, MSG_METADATA);
	bind_part(st, 7, &op->record.msg, MSG_CONTENT);
	sqlite3_bind_int(st, 8, too_large(&op->record.msg));
	err = db_finish(st);
	return err ? err : put_buffers(db, op, false);
}

int db_put_record_end(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_RECORD_END);
	int err;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, op->record.started);
	sqlite3_bind_int64(st, 2, op->record.completed);
	sqlite3_bind_int64(st, 3, op->record.received);
	bind_str(st, 4, op->record.engine_uuid);
	bind_part(st, 5, &op->record.msg, MSG_HEADER);
	bind_part(st, 6, &op->record.msg, MSG_METADATA);
	bind_part(st, 7, &op->record.msg, MSG_CONTENT);
	sqlite3_bind_int(st, 8, too_large(&op->record.msg));
	sqlite3_bind_int64(st, 9, (int64_t)op->record.result);
	err = db_finish(st);
	return err ? err : put_buffers(db, op, true);
}

int db_put_record_io(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_RECORD_IO);

	if (!st)
		return -EIO;
	bind_str(st, 1, op->record.execute_input);
	bind_str(st, 2, op->record.execute_result);
	bind_str(st, 3, op->record.error);
	bind_str(st, 4, op->record.display_data);
	sqlite3_bind_int64(st, 5, (int64_t)op->record.result);
	return db_finish(st);
}

int db_put_resubmitted(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_RESUBMITTED);

	if (!st)
		return -EIO;
	bind_str(st, 1, op->record.msg_id);
	sqlite3_bind_int64(st, 2, (int64_t)op->record.result);
	return db_finish(st);
}

int db_purge_record(struct db *db, uint64_t result)
{
	static const int which[] = {S_PURGE_RECORD, S_PURGE_BUFFERS};
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(which) && !err; i++) {
		sqlite3_stmt *st = db_statement(db, which[i]);

		if (!st)
			return -EIO;
		sqlite3_bind_int64(st, 1, (int64_t)result);
		err = db_finish(st);
	}
	return err;
}

/* --- asking ------------------------------------------------------------- */

/* Buffers have a table of their own: they are no columns of the SELECT. */
static bool is_column(int i)
{
	return record_columns[i].kind != RECORD_BUFFERS;
}

/* whole: with the conditions that the client asked for. */
static void make_select(const struct record_query *q, bool whole,
			struct buf *sql)
{
	int i;

	buf_puts(sql, "SELECT rid, dropped, key");
	for (i = 0; i < RECORD_COLUMNS; i++)
		if (q->wanted & REC_BIT(i) && is_column(i))
			buf_printf(sql, ", \"%s\"", record_columns[i].key);
	buf_puts(sql, " FROM (SELECT r.id AS rid, t.key AS key, q.dropped");
	for (i = 0; i < RECORD_COLUMNS; i++)
		buf_printf(sql, ", %s AS \"%s\"",
			   record_columns[i].sql, record_columns[i].key);
	buf_printf(sql, " FROM %s)", record_tables);
	if (whole && q->where.n)
		buf_printf(sql, " WHERE %.*s", (int)q->where.n, q->where.p);
	buf_printf(sql, " ORDER BY %s", q->order);
}

static void bind_args(sqlite3_stmt *st, struct json_object *args)
{
	size_t i, n = json_object_array_length(args);

	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(args, i);
		int at = (int)i + 1;

		if (json_object_is_type(v, json_type_string))
			sqlite3_bind_text(st, at, json_object_get_string(v),
					  json_object_get_string_len(v),
					  SQLITE_STATIC);
		else if (json_object_is_type(v, json_type_double))
			sqlite3_bind_double(st, at, json_object_get_double(v));
		else if (v)
			sqlite3_bind_int64(st, at, json_object_get_int64(v));
	}
}

/* Of a database that somebody changed, what is no JSON would make the whole answer none. */
static void put_json(struct buf *out, struct bytes b)
{
	if (scan_valid(b)) {
		buf_put(out, b.p, b.n);
		return;
	}
	log_warning("a record in tasks.db is no JSON; it is told as null",
		    log_bytes("it", bytes_of(b.p, min_u64(b.n, 64))));
	buf_puts(out, "null");
}

/* A column as JSON text; the caller's. */
static char *column_json(sqlite3_stmt *st, int at, enum record_kind kind)
{
	struct bytes b = {sqlite3_column_blob(st, at),
			  (size_t)sqlite3_column_bytes(st, at)};
	struct buf out = BUF_INIT;
	char date[DATE_SIZE];

	if (sqlite3_column_type(st, at) == SQLITE_NULL) {
		buf_puts(&out, "null");
	} else if (kind == RECORD_DATE) {
		date_format(sqlite3_column_int64(st, at), date);
		buf_printf(&out, "\"%s\"", date);
	} else if (kind == RECORD_JSON || kind == RECORD_EXTRA) {
		put_json(&out, b);
	} else {
		json_put_text(&out, b);
	}
	return buf_take(&out);
}

static int read_buffers(struct db *db, struct record_query *q, uint64_t result,
			bool reply, struct buf **ret, size_t *ret_n)
{
	sqlite3_stmt *st = db_statement(db, S_READ_BUFFERS);
	int rc;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)result);
	sqlite3_bind_int(st, 2, reply);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		size_t n = (size_t)sqlite3_column_bytes(st, 0);

		*ret = xreallocarray(*ret, *ret_n + 1, sizeof(**ret));
		(*ret)[*ret_n] = (struct buf)BUF_INIT;
		buf_put(&(*ret)[(*ret_n)++], sqlite3_column_blob(st, 0), n);
		q->bytes += n;
	}
	sqlite3_reset(st);
	return sql_errno(rc);
}

static int take_record(struct db *db, struct record_query *q, sqlite3_stmt *st)
{
	struct record *r;
	int i, at = 3, err = 0;

	q->found = xreallocarray(q->found, q->n + 1, sizeof(*q->found));
	r = &q->found[q->n++];
	*r = (struct record){
		.result = (uint64_t)sqlite3_column_int64(st, 0),
		.dropped = sqlite3_column_int(st, 1),
		.index = (uint32_t)(sqlite3_column_int64(st, 2) &
				    ((1 << INDEX_BITS) - 1)),
	};
	for (i = 0; i < RECORD_COLUMNS; i++) {
		if (!(q->wanted & REC_BIT(i)) || !is_column(i))
			continue;
		if (record_columns[i].kind == RECORD_EXTRA &&
		    sqlite3_column_type(st, at) == SQLITE_NULL) {
			at++;
			continue;
		}
		r->value[i] = column_json(st, at++, record_columns[i].kind);
		q->bytes += strlen(r->value[i]) + 24;
	}
	if (q->wanted & REC_BIT(REC_BUFFERS))
		err = read_buffers(db, q, r->result, false, &r->buffers,
				   &r->nbuffers);
	if (!err && q->wanted & REC_BIT(REC_RESULT_BUFFERS))
		err = read_buffers(db, q, r->result, true, &r->result_buffers,
				   &r->nresult_buffers);
	q->too_much = q->bytes > LIMIT_QUERY + LIMIT_RECORD;
	return err;
}

static int prepare_select(struct db *db, const struct record_query *q,
			  bool whole, sqlite3_stmt **ret_st)
{
	struct buf sql = BUF_INIT;
	int rc;

	make_select(q, whole, &sql);
	rc = sqlite3_prepare_v2(db->sql, buf_str(&sql), -1, ret_st, NULL);
	buf_done(&sql);
	return rc;
}

/*
 * SQLite takes no statement with too many values or conditions, or with too long a
 * text. That is the client's fault when the same statement without the client's
 * conditions is taken.
 */
static bool is_too_wide(struct db *db, const struct record_query *q)
{
	sqlite3_stmt *st = NULL;
	int rc = prepare_select(db, q, false, &st);

	sqlite3_finalize(st);
	return rc == SQLITE_OK;
}

static int find_records(struct db *db, struct record_query *q)
{
	sqlite3_stmt *st;
	int err = 0, rc = prepare_select(db, q, true, &st);

	if (rc == SQLITE_ERROR || rc == SQLITE_TOOBIG)
		q->too_wide = is_too_wide(db, q);
	if (rc != SQLITE_OK)
		return q->too_wide ? -E2BIG : sql_errno(rc);
	bind_args(st, q->args);
	while (!err && !q->too_much && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = take_record(db, q, st);
	sqlite3_finalize(st);
	return err ? err : sql_errno(rc);
}

/*
 * When a question is interrupted, its transaction goes on: only an interrupted statement
 * that writes would undo the transaction.
 */
int db_query(struct db *db, struct store_op *op)
{
	struct record_query *q = op->query;
	int err;

	/* This is the second time, because another operation could not be carried out. */
	if (q->too_long)
		return -ETIME;
	if (q->too_wide)
		return -E2BIG;
	record_query_reset(q);
	db->until = mono_usec() + LIMIT_QUERY_SECONDS * USEC_PER_SEC;
	sqlite3_progress_handler(db->sql, STEPS, is_late, db);
	err = find_records(db, q);
	sqlite3_progress_handler(db->sql, 0, NULL, NULL);
	q->too_long = err == -ETIME;
	return err;
}

/* --- what an operation holds -------------------------------------------- */

uint64_t record_op_bytes(const struct store_op *op)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < op->record.msg.frames; i++)
		n += msg_frame(&op->record.msg, i).n;
	return n;
}

void record_op_free(struct store_op *op)
{
	free(op->record.msg_id);
	free(op->record.engine_uuid);
	free(op->record.execute_input);
	free(op->record.execute_result);
	free(op->record.display_data);
	free(op->record.error);
	msg_done(&op->record.msg);
}
