#include "base/base.h"
#include "input.h"

#include "sql.h"
#include "wire/limits.h"

/*
 * What was submitted may be large (LIMIT_MAP), so it is read in pieces. A SELECT would
 * read the whole column for each piece.
 */

/* -ENOENT: there is no such row, or the column is NULL. */
static int open_input(struct db *db, uint64_t result, const char *column,
		      sqlite3_blob **ret_blob)
{
	int rc = sqlite3_blob_open(db->sql, "main", "results", column,
				   (int64_t)result, 0, ret_blob);

	return rc == SQLITE_ERROR ? -ENOENT : sql_errno(rc);
}

/* --- a piece ------------------------------------------------------------ */

static int read_piece(struct db *db, struct store_op *op, size_t n)
{
	static const char *const columns[STREAMS] = {
		[STREAM_CODE] = "code",
		[STREAM_STDIN] = "stdin",
		[STREAM_MAP] = "items",
	};
	sqlite3_blob *blob = NULL;
	int rc, err = open_input(db, op->io.result, columns[op->io.stream],
				 &blob);

	if (err)
		return err;
	buf_clear(&op->io.bytes);
	buf_reserve(&op->io.bytes, n);
	rc = sqlite3_blob_read(blob, op->io.bytes.p, (int)n,
			       (int)op->io.offset);
	if (rc == SQLITE_OK)
		op->io.bytes.n = n;
	sqlite3_blob_close(blob);
	return sql_errno(rc);
}

int db_read_input(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_READ + (int)op->io.stream);
	int rc;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)op->io.result);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		op->io.size = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? -ENOENT : sql_errno(rc);
	if (op->io.offset >= op->io.size)
		return 0;
	return read_piece(db, op, min_u64(op->io.length,
					  op->io.size - op->io.offset));
}

/* --- where the items of tasks begin ------------------------------------- */

#define PIECE (256 * KIB)

struct look {
	struct store_op *op;
	uint64_t items;		/* how many ended before this place */
	uint64_t growth;	/* of those of the task, up to this place */
};

static bool has_all(const struct look *l)
{
	return l->op->io.sizes.n / sizeof(uint32_t) > l->op->io.count;
}

/* Task `task` begins at that offset, and the task before it ends there. */
static void note(struct look *l, uint64_t task, uint64_t offset)
{
	uint32_t at = (uint32_t)offset;

	if (task >= l->op->io.index && !has_all(l))
		buf_put(&l->op->io.sizes, &at, sizeof(at));
	if (task > l->op->io.index)
		buf_put(&l->op->io.bytes, &l->growth, sizeof(l->growth));
	l->growth = 0;
}

/* Counts the items that end in this piece. offset: where the piece begins. */
static void look_at(struct look *l, const char *piece, size_t n, uint64_t offset)
{
	const char *p = piece, *end = piece + n, *zero;

	while (!has_all(l) && p < end) {
		zero = memchr(p, '\0', (size_t)(end - p));
		n = zero ? (size_t)(zero + 1 - p) : (size_t)(end - p);
		l->growth += field_growth(bytes_of(p, n));
		p += n;
		l->items += zero != NULL;
		if (zero && l->items % l->op->io.chunk == 0)
			note(l, l->items / l->op->io.chunk,
			     offset + (uint64_t)(p - piece));
	}
}

/* Looks through the items until all that was asked for is known. */
static int look_through(struct look *l, sqlite3_blob *blob)
{
	uint64_t size = (uint64_t)sqlite3_blob_bytes(blob), at = 0;
	char *piece = xmalloc(PIECE);
	int rc = SQLITE_OK;
	size_t n;

	note(l, 0, 0);
	for (; at < size && !has_all(l) && rc == SQLITE_OK; at += n) {
		n = min_u64(PIECE, size - at);
		rc = sqlite3_blob_read(blob, piece, (int)n, (int)at);
		if (rc == SQLITE_OK)
			look_at(l, piece, n, at);
	}
	free(piece);
	/* The last task has what is left of the items. */
	if (l->items % l->op->io.chunk)
		note(l, l->items / l->op->io.chunk + 1, size);
	return sql_errno(rc);
}

int db_read_items(struct db *db, struct store_op *op)
{
	struct look l = {.op = op};
	sqlite3_blob *blob = NULL;
	int err = open_input(db, op->io.result, "items", &blob);

	if (err)
		return err;
	buf_clear(&op->io.sizes);
	buf_clear(&op->io.bytes);
	err = look_through(&l, blob);
	sqlite3_blob_close(blob);
	return err || has_all(&l) ? err : -EIO;
}
