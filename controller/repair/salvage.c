#include "base/base.h"
#include "recover_parts.h"

/* At most so many key ranges are tried for each table. */
#define RANGES_MAX 4096

struct range {
	int64_t from, to;
};

struct salvage {
	sqlite3_stmt *up, *down, *put;
	int64_t rows;
	bool damaged;
	bool full;	/* some ranges were not tried */
	int err;	/* the new database cannot be written */
	struct range range[RANGES_MAX];	/* of those still to be read */
	size_t first, n;
};

static void copy_row(struct salvage *s, sqlite3_stmt *st)
{
	int i, n = sqlite3_column_count(st) - 1;
	int rc;

	for (i = 0; i < n; i++)
		sqlite3_bind_value(s->put, i + 1, sqlite3_column_value(st, i + 1));
	rc = sqlite3_step(s->put);
	if (rc == SQLITE_DONE)
		s->rows++;
	else if (rc != SQLITE_CONSTRAINT && !s->err)
		s->err = sql_errno(rc);
	sqlite3_reset(s->put);
	sqlite3_clear_bindings(s->put);
}

/* Reads to the end (true), or to what cannot be read. *at: the id of the last row. */
static bool scan(struct salvage *s, sqlite3_stmt *st, struct range r, int64_t *at)
{
	int rc = SQLITE_DONE;

	sqlite3_bind_int64(st, 1, r.from);
	sqlite3_bind_int64(st, 2, r.to);
	while (!s->err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*at = sqlite3_column_int64(st, 0);
		copy_row(s, st);
	}
	sqlite3_reset(st);
	return s->err || rc == SQLITE_DONE;
}

/* Reads a range from below and from above; what lies between is halved and tried
 * again. */
static void salvage_range(struct salvage *s, struct range r)
{
	int64_t low = r.from, high = r.to, middle;

	if (scan(s, s->up, r, &low))
		return;
	s->damaged = true;
	if (scan(s, s->down, (struct range){low, r.to}, &high) ||
	    (uint64_t)high - (uint64_t)low < 2)
		return;
	if (s->n + 2 > RANGES_MAX) {
		s->full = true;
		return;
	}
	middle = low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);
	s->range[s->n++] = (struct range){low, middle};
	s->range[s->n++] = (struct range){middle + 1, high};
}

/* Lists the columns that both databases have; returns how many. */
static int common_columns(struct recover *k, const char *table, struct buf *ret)
{
	sqlite3_stmt *here, *there = NULL;
	int i, j, n = 0;

	if (recover_prepare(k->db.sql, &here, sqlite3_mprintf("SELECT * FROM %s", table)) ||
	    recover_prepare(k->old, &there, sqlite3_mprintf("SELECT * FROM %s", table))) {
		sqlite3_finalize(here);
		return 0;
	}
	for (i = 0; i < sqlite3_column_count(here); i++) {
		const char *name = sqlite3_column_name(here, i);

		for (j = 0; j < sqlite3_column_count(there); j++)
			if (strcmp(name, sqlite3_column_name(there, j)) == 0)
				buf_printf(ret, "%s%s", n++ ? "," : "", name);
	}
	sqlite3_finalize(here);
	sqlite3_finalize(there);
	return n;
}

static int prepare_all(struct recover *k, struct salvage *s, const char *table,
		       const char *id, const char *names, int n)
{
	struct buf marks = BUF_INIT;
	int i, err;

	for (i = 0; i < n; i++)
		buf_puts(&marks, i ? ",?" : "?");
	err = recover_prepare(k->db.sql, &s->put,
		      sqlite3_mprintf("INSERT INTO %s(%s) VALUES(%s)", table,
				      names, buf_str(&marks)));
	buf_done(&marks);
	if (!err)
		err = recover_prepare(k->old, &s->up, sqlite3_mprintf(
			"SELECT %s,%s FROM %s WHERE %s>=? AND %s<=? ORDER BY %s",
			id, names, table, id, id, id));
	if (!err)
		err = recover_prepare(k->old, &s->down, sqlite3_mprintf(
			"SELECT %s,%s FROM %s WHERE %s>=? AND %s<=? ORDER BY %s "
			"DESC", id, names, table, id, id, id));
	return err;
}

static int salvage_table(struct recover *k, const char *table, const char *id)
{
	struct salvage *s = zalloc(sizeof(*s));
	struct buf names = BUF_INIT;
	int n = common_columns(k, table, &names);
	int err;

	if (!n || prepare_all(k, s, table, id, buf_str(&names), n)) {
		recover_say(k, "%-14s cannot be read: %s", table, sqlite3_errmsg(k->old));
	} else {
		s->range[s->n++] = (struct range){INT64_MIN, INT64_MAX};
		while (s->first < s->n)
			salvage_range(s, s->range[s->first++]);
		recover_say(k, "%-14s %lld rows%s%s", table, (long long)s->rows,
		    s->damaged ? ", and some that cannot be read" : "",
		    s->full ? "; the damage is too wide to look everywhere" : "");
	}
	sqlite3_finalize(s->up);
	sqlite3_finalize(s->down);
	sqlite3_finalize(s->put);
	buf_done(&names);
	err = s->err;
	free(s);
	return err;
}

/* Copies a small table without an id: all rows that can be read, in their order.
 * *ret_whole: it was read to the end. Only what cannot be written is an error. */
static int copy_pairs(struct recover *k, const char *select, const char *insert,
		      bool *ret_whole)
{
	sqlite3_stmt *get = NULL, *put = NULL;
	int rc = sqlite3_prepare_v2(k->old, select, -1, &get, NULL);
	int i, err = db_said(&k->db, sqlite3_prepare_v2(k->db.sql, insert, -1,
							&put, NULL));

	while (!err && rc == SQLITE_OK && (rc = sqlite3_step(get)) == SQLITE_ROW) {
		for (i = 0; i < 2; i++)
			sqlite3_bind_value(put, i + 1,
					   sqlite3_column_value(get, i));
		rc = sqlite3_step(put);
		sqlite3_reset(put);
		if (rc != SQLITE_DONE && rc != SQLITE_CONSTRAINT)
			err = db_said(&k->db, rc);
		rc = SQLITE_OK;
	}
	*ret_whole = rc == SQLITE_DONE;
	sqlite3_finalize(get);
	sqlite3_finalize(put);
	return err;
}

/* Reads how many tasks of each result were begun. If a part cannot be read none is
 * used. */
static int read_begun(struct recover *k)
{
	bool whole = false;
	int err = 0;

	recover_change(k, &err, "CREATE TEMP TABLE old_begun("
				"result INTEGER PRIMARY KEY, n)");
	if (!err)
		err = copy_pairs(k, "SELECT result, tasks FROM begun",
				 "INSERT INTO temp.old_begun VALUES(?,?)", &whole);
	if (err)
		return err;
	recover_say(k, "%-14s %s", "begun", whole ? "whole" : "cannot be read");
	k->begun_lost = !whole;
	return 0;
}

int salvage_rows(struct recover *k)
{
	static const struct {
		const char *name, *id;
	} tables[] = {
		{"results", "id"},     {"tasks", "key"},
		{"held_tasks", "key"}, {"engines", "id"},
		{"pools", "id"},       {"launches", "id"},
		{"records", "result"}, {"record_buffers", "rowid"},
	};
	bool whole = true;
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(tables) && !err; i++)
		err = salvage_table(k, tables[i].name, tables[i].id);
	recover_change(k, &err, "DELETE FROM meta");
	if (!err)
		err = copy_pairs(k, "SELECT key, value FROM meta",
				 "INSERT INTO meta VALUES(?,?)", &whole);
	if (!whole)
		recover_say(k, "%-14s cannot be read, or a part of it", "meta");
	return err ? err : read_begun(k);
}
