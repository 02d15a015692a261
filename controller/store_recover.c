#include "base/base.h"
#include "store_check.h"

#include "base/file.h"
#include "base/parse.h"
#include "store_sql.h"
#include "wire/limits.h"
#include "wire/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/*
 * First it copies the rows that can be read. Then it repairs what no longer fits
 * together. A task that may have run never becomes one that will run. The old
 * database has a connection of its own: SQLite may refuse good tables on a
 * connection that has met damage.
 */

/* At most so many key ranges are tried for each table. */
#define RANGES_MAX 4096

struct recover {
	struct db db;	/* the new one */
	sqlite3 *old;
	FILE *out;
	char *copies;	/* the directory of the copy */
};

__attribute__((format(printf, 2, 3))) static void
say(struct recover *k, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(k->out, format, args);
	va_end(args);
	fputc('\n', k->out);
}

/* Runs a statement, unless *err is set. Gives how many rows it changed. */
static int64_t change(struct recover *k, int *err, const char *text)
{
	if (!*err)
		*err = db_said(&k->db, sqlite3_exec(k->db.sql, text, NULL, NULL,
						    NULL));
	return *err ? 0 : sqlite3_changes(k->db.sql);
}

/* --- the copy ----------------------------------------------------------- */

/* Bytes as they are; 0 when there is no such file. */
static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out, err = 0;
	char *piece;
	ssize_t n;

	if (in < 0)
		return errno == ENOENT ? 0 : -errno;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0) {
		err = -errno;
		close(in);
		return err;
	}
	piece = xmalloc(1 << 20);
	while (!err && (n = read(in, piece, 1 << 20)) != 0)
		err = n < 0 ? -errno
			    : file_write_all(out, bytes_of(piece, (size_t)n));
	if (!err && fsync(out) < 0)
		err = -errno;
	free(piece);
	close(in);
	close(out);
	return err;
}

/*
 * Copies tasks.db and its log twice: to lost+found, to keep, and to tasks.db.old,
 * to read.
 */
static int make_copies(struct recover *k)
{
	static const char *const suffix[] = {"", "-wal", "-journal"};
	time_t now = time(NULL);
	struct tm tm;
	char date[32];
	size_t i;
	int err;

	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	k->copies = xasprintf("%s/tasks.db.%s", k->db.lost, date);
	err = file_mkdirs(k->db.lost, 0700);
	if (!err && mkdir(k->copies, 0700) < 0)
		err = -errno;
	for (i = 0; i < ARRAY_SIZE(suffix) && !err; i++) {
		char *from = xasprintf("%s%s", k->db.path, suffix[i]);
		char *kept = xasprintf("%s/tasks.db%s", k->copies, suffix[i]);
		char *read = xasprintf("%s.old%s", k->db.path, suffix[i]);

		unlink(read);
		err = copy_file(from, kept);
		if (!err)
			err = copy_file(from, read);
		free(from);
		free(kept);
		free(read);
	}
	if (err)
		say(k, "tasks.db cannot be copied to %s: %s", k->copies,
		    strerror(-err));
	return err;
}

/* --- rows --------------------------------------------------------------- */

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

/* Reads until the end (true), or what cannot be read. *at: the last row's id. */
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

/* From below and from above; what lies between is halved and tried again. */
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

static int prepare(sqlite3 *sql, sqlite3_stmt **st, char *text)
{
	int rc = sqlite3_prepare_v2(sql, text, -1, st, NULL);

	sqlite3_free(text);
	return sql_errno(rc);
}

/* Which columns both have, as a list of names; how many. */
static int common_columns(struct recover *k, const char *table, struct buf *ret)
{
	sqlite3_stmt *here, *there = NULL;
	int i, j, n = 0;

	if (prepare(k->db.sql, &here, sqlite3_mprintf("SELECT * FROM %s", table)) ||
	    prepare(k->old, &there, sqlite3_mprintf("SELECT * FROM %s", table))) {
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
	err = prepare(k->db.sql, &s->put,
		      sqlite3_mprintf("INSERT INTO %s(%s) VALUES(%s)", table,
				      names, buf_str(&marks)));
	buf_done(&marks);
	if (!err)
		err = prepare(k->old, &s->up, sqlite3_mprintf(
			"SELECT %s,%s FROM %s WHERE %s>=? AND %s<=? ORDER BY %s",
			id, names, table, id, id, id));
	if (!err)
		err = prepare(k->old, &s->down, sqlite3_mprintf(
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
		say(k, "%-14s cannot be read: %s", table, sqlite3_errmsg(k->old));
	} else {
		s->range[s->n++] = (struct range){INT64_MIN, INT64_MAX};
		while (s->first < s->n)
			salvage_range(s, s->range[s->first++]);
		say(k, "%-14s %lld rows%s%s", table, (long long)s->rows,
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

/*
 * Small tables without an id: all that can be read, in their order. *ret_whole: to
 * the end. Only what cannot be written is an error.
 */
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

/* --- outputs ------------------------------------------------------------ */

/* "7.0.stdout" */
static int parse_output(const char *name, uint64_t *result, uint64_t *index,
			int *stream)
{
	const char *dot = strchr(name, '.');
	const char *last = dot ? strchr(dot + 1, '.') : NULL;

	if (!last)
		return -EINVAL;
	*stream = stream_parse(last + 1);
	if (*stream < 0 || *stream >= STREAMS ||
	    parse_u64(bytes_of(name, (size_t)(dot - name)), 1,
		      INT64_MAX >> INDEX_BITS, result) ||
	    parse_u64(bytes_of(dot + 1, (size_t)(last - dot - 1)), 0,
		      LIMIT_TASKS - 1, index))
		return -EINVAL;
	return 0;
}

/* Which outputs there are, as a table that the statements below can ask. */
static int list_outputs(struct recover *k)
{
	DIR *dir = opendir(k->db.outputs);
	struct dirent *d = NULL;
	sqlite3_stmt *put = NULL;
	int err = dir || errno == ENOENT ? 0 : -errno;

	change(k, &err, "CREATE TEMP TABLE files(key INTEGER, stream INTEGER, "
			"size INTEGER, PRIMARY KEY(key, stream))");
	if (!err)
		err = prepare(k->db.sql, &put, sqlite3_mprintf(
			"INSERT OR IGNORE INTO temp.files VALUES(?,?,?)"));
	while (!err && dir && (errno = 0, d = readdir(dir))) {
		uint64_t result, index, size;
		int stream;

		if (parse_output(d->d_name, &result, &index, &stream))
			continue;
		err = files_size(&k->db, result, (uint32_t)index,
				 (enum stream)stream, &size);
		if (err)
			break;
		sqlite3_bind_int64(put, 1, store_key(result, (uint32_t)index));
		sqlite3_bind_int64(put, 2, stream);
		sqlite3_bind_int64(put, 3, (int64_t)size);
		err = db_finish(put);
	}
	if (!err && dir && !d && errno)
		err = -errno;
	sqlite3_finalize(put);
	if (dir)
		closedir(dir);
	return err;
}

/* --- what fits together ------------------------------------------------- */

#define LOST_NAME "'Lost'"
#define LOST_TEXT "'what tasks.db said of it was damaged'"
/* Texts of statements: enum state. */
#define PENDING "1"
#define OK "3"
#define ERROR "4"
static_assert(STATE_PENDING == 1 && STATE_OK == 3 && STATE_ERROR == 4, "below");

#define TASKS_OF(id) "tasks WHERE key>=" id "<<24 AND key<(" id "+1)<<24"
#define BAD_OPTIONS \
	"(NOT ifnull(json_valid(options),0) OR json_type(options)<>'object')"
/* size: of the file of a stream of a task, or NULL */
#define FILE_SIZE(s) \
	"(SELECT size FROM temp.files f WHERE f.key=tasks.key AND stream=" s ")"
#define IS_SHORT(s, bit, size) \
	"(in_file&" bit " AND " size ">ifnull(" FILE_SIZE(s) ",-1))"
#define ANY_SHORT \
	"(" IS_SHORT("0", "1", "stdout_size") " OR " \
	IS_SHORT("1", "2", "stderr_size") " OR " \
	IS_SHORT("2", "4", "value_size") " OR " \
	IS_SHORT("3", "8", "data_size") ")"
#define REAL_SIZE(s, bit, column) \
	column "=CASE WHEN in_file&" bit " THEN ifnull(" FILE_SIZE(s) ",0)" \
	" ELSE " column " END"

/* In this order. said: of the rows that were changed, if any were. */
static const struct {
	const char *said, *change;
} repairs[] = {
	/* A page of another table may have been read as one of this. */
	{NULL,
	 "DELETE FROM results WHERE id<1 OR id>=1<<39 OR"
	 " ifnull(kind,'') NOT IN ('task','map','view','wire')"},
	{NULL, "DELETE FROM tasks WHERE key<1<<24 OR (key&0xffffff)>=1000000"},
	{"tasks were in no state that there is: they have ended as errors",
	 "UPDATE tasks SET state=" ERROR ", ename=" LOST_NAME ","
	 " evalue=" LOST_TEXT
	 " WHERE typeof(state)<>'integer' OR state<1 OR state>5"},
	{"tasks are known by their outputs alone",
	 "INSERT INTO tasks(key,state,ename,evalue,attempt,in_file,"
	 "stdout_size,stderr_size,value_size,data_size)"
	 " SELECT key," ERROR "," LOST_NAME "," LOST_TEXT ",1,sum(1<<stream),"
	 "sum(size*(stream=0)),sum(size*(stream=1)),"
	 "sum(size*(stream=2)),sum(size*(stream=3))"
	 " FROM temp.files WHERE key NOT IN (SELECT key FROM tasks)"
	 " GROUP BY key"},
	/* Without code nothing can run. */
	{NULL,
	 "UPDATE tasks SET state=" ERROR ", ename=" LOST_NAME ","
	 " evalue=" LOST_TEXT
	 " WHERE state<" OK " AND (key>>24) NOT IN (SELECT id FROM results)"},
	{"results are known by their tasks alone",
	 "INSERT INTO results(id,kind,tasks,uid,gid,submitted,options,held,"
	 "rest_state,rest_when,rest_ename,rest_evalue,code)"
	 " SELECT key>>24,CASE WHEN max(key&0xffffff)>0 THEN 'map' ELSE 'task' END,"
	 " max(key&0xffffff)+1,0,0,ifnull(min(started),0),'{}',0," ERROR ","
	 " ifnull(min(started),0)," LOST_NAME "," LOST_TEXT ",x'' FROM tasks"
	 " WHERE (key>>24) NOT IN (SELECT id FROM results) GROUP BY 1"},
	/* A task without a row would be begun: who knows whether it was. */
	{"results had more tasks begun than are known: those that are not known "
	 "have ended as errors",
	 "UPDATE results SET rest_state=" ERROR ", rest_when=submitted,"
	 " rest_ename=" LOST_NAME ", rest_evalue=" LOST_TEXT
	 " WHERE ifnull(rest_state,0)=0"
	 " AND (SELECT count(*) FROM " TASKS_OF("id") ")"
	 "  <>min(tasks, CASE WHEN (SELECT whole FROM temp.old_begun_whole)"
	 "   THEN ifnull((SELECT n FROM temp.old_begun WHERE result=id),0)"
	 "   ELSE tasks END)"},
	{"results had an impossible number of tasks: what is not known of them has "
	 "ended as an error",
	 "UPDATE results SET tasks=2+ifnull("
	 "(SELECT max(key&0xffffff) FROM " TASKS_OF("id") "),-1),"
	 " rest_state=" ERROR ", rest_when=submitted, rest_ename=" LOST_NAME ","
	 " rest_evalue=" LOST_TEXT " WHERE typeof(tasks)<>'integer' OR tasks<0 OR tasks>1000000 OR"
	 " tasks<=ifnull((SELECT max(key&0xffffff) FROM " TASKS_OF("id") "),-1)"},
	{NULL,
	 "UPDATE tasks SET state=" ERROR ", ename=" LOST_NAME ","
	 " evalue='its options were damaged' WHERE state=" PENDING
	 " AND (key>>24) IN (SELECT id FROM results WHERE " BAD_OPTIONS ")"},
	{"results had options that cannot be read: what waited of them has ended as "
	 "an error",
	 "UPDATE results SET options='{}', deps=NULL, rest_when=submitted,"
	 " rest_state=" ERROR ", rest_ename=" LOST_NAME ","
	 " rest_evalue='its options were damaged' WHERE " BAD_OPTIONS},
	/* An empty file where data was would be a wrong answer. */
	{"tasks have lost an output, or a part of one: they have ended as errors",
	 "UPDATE tasks SET state=CASE state WHEN " OK " THEN " ERROR
	 " ELSE state END, ename=ifnull(ename," LOST_NAME "),"
	 " evalue=trim(ifnull(evalue,'')||' (an output of it is lost)')"
	 " WHERE state>=" OK " AND " ANY_SHORT},
	{NULL,
	 "UPDATE tasks SET " REAL_SIZE("0", "1", "stdout_size") ","
	 REAL_SIZE("1", "2", "stderr_size") "," REAL_SIZE("2", "4", "value_size")
	 "," REAL_SIZE("3", "8", "data_size") ", in_file=in_file&ifnull("
	 "(SELECT sum(1<<stream) FROM temp.files f WHERE f.key=tasks.key),0)"
	 " WHERE in_file>0"},
	{NULL,
	 "DELETE FROM held_tasks WHERE (key>>24) NOT IN (SELECT id FROM results)"},
	{NULL, "DELETE FROM records WHERE result NOT IN (SELECT id FROM results)"},
	{NULL,
	 "DELETE FROM record_buffers WHERE record NOT IN "
	 "(SELECT result FROM records)"},
	{NULL, "DELETE FROM begun"},
	{NULL,
	 "INSERT INTO begun SELECT key>>24, count(*) FROM tasks GROUP BY 1"},
	/* Ids of what is lost altogether are not given again. */
	{NULL,
	 "INSERT INTO meta SELECT 'next_result',1000+ifnull(max(id),0) FROM results"
	 " WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key='next_result')"},
};

static int repair(struct recover *k)
{
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(repairs) && !err; i++) {
		int64_t n = change(k, &err, repairs[i].change);

		if (n && repairs[i].said)
			say(k, "%lld %s", (long long)n, repairs[i].said);
	}
	return err;
}

/* How many tasks of each result were begun. If a part cannot be read none is used. */
static int read_begun(struct recover *k)
{
	int err = 0;
	bool whole = false;

	change(k, &err, "CREATE TEMP TABLE old_begun(result INTEGER PRIMARY KEY, n);"
			"CREATE TEMP TABLE old_begun_whole(whole);");
	if (!err)
		err = copy_pairs(k, "SELECT result, tasks FROM begun",
				 "INSERT INTO temp.old_begun VALUES(?,?)", &whole);
	if (err)
		return err;
	say(k, "%-14s %s", "begun", whole ? "whole" : "cannot be read");
	change(k, &err, whole ? "INSERT INTO temp.old_begun_whole VALUES(1)"
			      : "INSERT INTO temp.old_begun_whole VALUES(0)");
	return err;
}

static int salvage_all(struct recover *k)
{
	static const struct {
		const char *name, *id;
	} tables[] = {
		{"results", "id"},     {"tasks", "key"},
		{"held_tasks", "key"}, {"engines", "id"},
		{"records", "result"}, {"record_buffers", "rowid"},
	};
	bool whole = true;
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(tables) && !err; i++)
		err = salvage_table(k, tables[i].name, tables[i].id);
	if (!err)
		err = copy_pairs(k, "SELECT key, value FROM meta",
				 "INSERT INTO meta VALUES(?,?)", &whole);
	if (!whole)
		say(k, "%-14s cannot be read, or a part of it", "meta");
	return err;
}

/* --- the new one -------------------------------------------------------- */

/* tasks.db.new; and tasks.db.old, as it is. */
static int open_both(struct recover *k)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX;
	char *path = xasprintf("%s.new", k->db.path);
	char *old = xasprintf("%s.old", k->db.path);
	mode_t mask = umask(077);
	int err = 0;

	unlink(path);
	err = db_said(&k->db, sqlite3_open_v2(path, &k->db.sql, flags, NULL));
	if (!err)
		err = db_make_tables(&k->db);
	change(k, &err, "PRAGMA temp_store=MEMORY");
	if (!err && sqlite3_open_v2(old, &k->old, flags, NULL) == SQLITE_OK)
		(void)!sqlite3_exec(k->old, "PRAGMA cell_size_check=ON", NULL,
				    NULL, NULL);
	umask(mask);
	free(old);
	free(path);
	return err;
}

static int sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* From here on the recovery is only to be finished; until it is, nobody starts. */
static int name_recovered(struct recover *k, const char *dir)
{
	char *from = xasprintf("%s.new", k->db.path);
	char *to = xasprintf("%s.recovered", k->db.path);
	int err = sync_path(from);

	if (!err)
		err = sync_path(k->copies);
	if (!err)
		err = sync_path(k->db.lost);
	if (!err && rename(from, to) < 0)
		err = -errno;
	free(from);
	free(to);
	return err ? err : sync_path(dir);
}

/* The old log goes first: it must not be taken for one of the new database. */
static int put_in_place(struct recover *k, const char *dir)
{
	static const char *const gone[] = {"-wal", "-shm", "-journal", ".old",
					   ".old-wal", ".old-shm",
					   ".old-journal"};
	char *path = xasprintf("%s.recovered", k->db.path);
	int err = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gone) && !err; i++) {
		char *name = xasprintf("%s%s", k->db.path, gone[i]);

		if (unlink(name) < 0 && errno != ENOENT)
			err = -errno;
		free(name);
	}
	if (!err && rename(path, k->db.path) < 0)
		err = -errno;
	free(path);
	return err ? err : sync_path(dir);
}

/* It might have what this program does not know. */
static bool is_newer(struct recover *k)
{
	sqlite3_stmt *st = NULL;
	bool newer = false;

	if (prepare(k->old, &st, sqlite3_mprintf("PRAGMA user_version")) == 0 &&
	    sqlite3_step(st) == SQLITE_ROW)
		newer = sqlite3_column_int64(st, 0) > DB_VERSION;
	sqlite3_finalize(st);
	if (newer)
		say(k, "tasks.db was made by a newer taskfs, which can recover it");
	return newer;
}

static int rebuild(struct recover *k)
{
	int err = open_both(k);

	if (!err && is_newer(k))
		err = -EPROTO;
	change(k, &err, "BEGIN");
	if (!err)
		err = salvage_all(k);
	if (!err)
		err = read_begun(k);
	if (!err)
		err = list_outputs(k);
	if (!err)
		err = repair(k);
	change(k, &err, "COMMIT");
	return err;
}

/* One that was interrupted when only the files were left to be named. */
static bool is_half_way(const struct recover *k)
{
	char *path = xasprintf("%s.recovered", k->db.path);
	bool is = access(path, F_OK) == 0;

	free(path);
	return is;
}

static int copy_and_rebuild(struct recover *k, const char *dir)
{
	int err;

	if (access(k->db.path, F_OK) < 0 && !files_any(&k->db)) {
		say(k, "there is nothing to recover in %s", dir);
		return -ENOENT;
	}
	err = make_copies(k);
	if (err)
		return err;
	say(k, "tasks.db is copied to %s", k->copies);
	err = rebuild(k);
	if (err && err != -EPROTO)
		say(k, "the new database cannot be written: %s",
		    *k->db.said ? k->db.said : strerror(-err));
	sqlite3_close(k->old);
	db_disconnect(&k->db);
	return err ? err : name_recovered(k, dir);
}

int store_recover(const char *dir, FILE *out)
{
	struct recover k = {.out = out};
	int err = 0;

	db_name_files(&k.db, dir);
	if (is_half_way(&k))
		say(&k, "an earlier recovery is finished");
	else
		err = copy_and_rebuild(&k, dir);
	if (!err)
		err = put_in_place(&k, dir);
	if (!err)
		say(&k, "a new tasks.db is in place");
	free(k.copies);
	db_close(&k.db);
	return err ? err : store_check(dir, out);
}
