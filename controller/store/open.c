#include "base/base.h"
#include "open.h"

#include "base/file.h"
#include "base/log.h"
#include "files.h"
#include "records.h"
#include "shrink.h"
#include "sql.h"
#include "disk/wal.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char tables[] =
	"CREATE TABLE meta("
	" key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
	/* A database in which these rows are missing has lost them. */
	"INSERT INTO meta VALUES('next_result','1'),('next_engine','0'),"
	"('next_launch','1');"
	"CREATE TABLE results("
	" id INTEGER PRIMARY KEY, token TEXT, name TEXT, kind TEXT,"
	" tasks INTEGER, uid INTEGER, gid INTEGER, submitted INTEGER,"
	" options TEXT, deps TEXT, held INTEGER,"
	" rest_state INTEGER, rest_when INTEGER, rest_ename TEXT,"
	" rest_evalue TEXT, code BLOB, stdin BLOB, items BLOB,"
	" born INTEGER, rest_elapsed INTEGER);"
	"CREATE TABLE tasks("
	" key INTEGER PRIMARY KEY, state INTEGER, engine INTEGER,"
	" engine_uuid TEXT, msg_id TEXT, attempt INTEGER, started INTEGER,"
	" completed INTEGER, received INTEGER, exit_status INTEGER,"
	" signal INTEGER, value_is_stdout INTEGER, ename TEXT, evalue TEXT,"
	" traceback TEXT, cwd TEXT, attempts TEXT, user REAL, system REAL, memory INTEGER,"
	" stdout_size INTEGER, stderr_size INTEGER, value_size INTEGER,"
	" data_size INTEGER, in_file INTEGER,"
	" stdout BLOB, stderr BLOB, value BLOB, data BLOB,"
	" began INTEGER, ran INTEGER, elapsed INTEGER);"
	"CREATE TABLE held_tasks(key INTEGER PRIMARY KEY);"
	"CREATE TABLE engines("
	" id INTEGER PRIMARY KEY, uuid TEXT, host TEXT, language TEXT,"
	" pid INTEGER, since INTEGER, taskfs INTEGER,"
	" process TEXT, lost INTEGER, heard INTEGER, slots INTEGER, launch TEXT);";
static const char pool_tables[] =
	"CREATE TABLE pools("
	" id INTEGER PRIMARY KEY, name TEXT, options TEXT, paused INTEGER,"
	" failures INTEGER, until INTEGER, why TEXT, slots INTEGER,"
	" resources TEXT);"
	"CREATE TABLE launches("
	" id INTEGER PRIMARY KEY, pool INTEGER, token TEXT, count INTEGER,"
	" registered INTEGER, state INTEGER, since INTEGER, job TEXT);";
/* The first databases of version 1 did not have these tables. */
static const char record_tables[] =
	"CREATE TABLE IF NOT EXISTS records("
	" result INTEGER PRIMARY KEY, msg_id TEXT, queue TEXT,"
	" submitted INTEGER, header TEXT, metadata TEXT, content TEXT,"
	" dropped INTEGER, started INTEGER, completed INTEGER,"
	" received INTEGER, engine_uuid TEXT, result_header TEXT,"
	" result_metadata TEXT, result_content TEXT, resubmitted TEXT,"
	" execute_input TEXT, execute_result TEXT, error TEXT,"
	" display_data TEXT);"
	"CREATE TABLE IF NOT EXISTS record_buffers("
	" record INTEGER, reply INTEGER, n INTEGER, bytes BLOB,"
	" PRIMARY KEY(record, reply, n));";

/*
 * Counts the rows of `tasks` for each result. When rows are lost, the count shows that,
 * so that no task that ran is started again.
 */
static const char begun[] =
	"CREATE TABLE begun(result INTEGER PRIMARY KEY, tasks INTEGER);"
	"CREATE TRIGGER begin AFTER INSERT ON tasks BEGIN"
	" INSERT INTO begun VALUES(new.key>>24, 1)"
	" ON CONFLICT(result) DO UPDATE SET tasks=tasks+1;"
	"END;";

/* main.c says what can be done about a damaged database. */
static int damaged(struct buf *why, const char *what)
{
	buf_puts(why, what);
	return -EUCLEAN;
}

static int set_version(struct db *db)
{
	char text[64];

	snprintf(text, sizeof(text), "PRAGMA user_version=%d", DB_VERSION);
	return db_exec(db, text);
}

int db_make_tables(struct db *db)
{
	int err = db_begin(db);

	if (!err)
		err = db_exec(db, tables);
	if (!err)
		err = db_exec(db, pool_tables);
	if (!err)
		err = db_exec(db, record_tables);
	if (!err)
		err = db_exec(db, begun);
	if (!err)
		err = set_version(db);
	if (!err)
		err = db_commit(db);
	if (err)
		db_rollback(db);
	return err;
}

/* Before version 3 all times were times of day, which jump when somebody sets the
 * clock. */
#define SUBMITTED "(SELECT submitted FROM results WHERE id=key>>24)"
static const char steady[] =
	"ALTER TABLE results ADD COLUMN born INTEGER;"
	"ALTER TABLE results ADD COLUMN rest_elapsed INTEGER;"
	"ALTER TABLE tasks ADD COLUMN began INTEGER;"
	"ALTER TABLE tasks ADD COLUMN ran INTEGER;"
	"ALTER TABLE tasks ADD COLUMN elapsed INTEGER;"
	"UPDATE results SET born=submitted,"
	" rest_elapsed=max(0, rest_when-submitted);"
	"UPDATE tasks SET began=max(0, started-" SUBMITTED "),"
	" ran=max(0, completed-started), elapsed=max(0, received-" SUBMITTED ");";

/* The first databases of version 1 had no column records.display_data. */
static int upgrade_1(struct db *db)
{
	int64_t has = 0;
	int err = db_exec(db, record_tables);

	if (!err)
		err = db_query_int(db, "SELECT count(*) FROM pragma_table_info('records')"
				    " WHERE name='display_data'", &has);
	if (!err && !has)
		err = db_exec(db, "ALTER TABLE records ADD COLUMN display_data TEXT");
	if (!err)
		err = db_exec(db, begun);
	if (!err)
		err = db_exec(db, "INSERT INTO begun SELECT key>>24, count(*) "
			       "FROM tasks GROUP BY 1");
	return err;
}

/* Before version 3 only a controller that had purged results stored next_result. */
static int upgrade_2(struct db *db)
{
	return db_exec(db, "INSERT OR IGNORE INTO meta SELECT 'next_result',"
			" ifnull(max(id),0)+1 FROM results;"
			"INSERT OR IGNORE INTO meta SELECT 'next_engine',"
			" 1+max(ifnull((SELECT max(id) FROM engines),-1),"
			" ifnull((SELECT max(engine) FROM tasks),-1))");
}

/* Before version 4 an engine that was given up was forgotten. */
static int upgrade_3(struct db *db)
{
	return db_exec(db, "ALTER TABLE engines ADD COLUMN process TEXT;"
			"ALTER TABLE engines ADD COLUMN lost INTEGER DEFAULT 0;"
			"ALTER TABLE engines ADD COLUMN heard INTEGER DEFAULT 0");
}

/* Before version 5 an engine ran one task at a time. */
static int upgrade_4(struct db *db)
{
	return db_exec(db, "ALTER TABLE engines ADD COLUMN slots INTEGER DEFAULT 1");
}

/* Before version 6 there were no pools. */
static int upgrade_5(struct db *db)
{
	int err = db_exec(db, pool_tables);

	return err ? err
		   : db_exec(db, "ALTER TABLE engines ADD COLUMN launch TEXT;"
				 "INSERT OR IGNORE INTO meta VALUES('next_launch','1')");
}

/* The upgrade is committed when all was read (db_accept()), because the database may
 * be damaged. */
static int upgrade(struct db *db, int64_t version)
{
	int err = db_exec(db, "PRAGMA cache_spill=OFF");

	if (!err)
		err = db_begin(db);
	if (!err && version < 2)
		err = upgrade_1(db);
	if (!err && version < 3)
		err = db_exec(db, steady);
	if (!err && version < 3)
		err = upgrade_2(db);
	if (!err && version < 4)
		err = upgrade_3(db);
	if (!err && version < 5)
		err = upgrade_4(db);
	if (!err)
		err = upgrade_5(db);
	return err ? err : set_version(db);
}

/* --- is everything there? ----------------------------------------------- */

static char *columns_of(struct db *db, const char *table)
{
	sqlite3_stmt *st;
	char *names = NULL;

	if (sqlite3_prepare_v2(db->sql,
			       "SELECT group_concat(name, ' ') FROM (SELECT name "
			       "FROM pragma_table_info(?) ORDER BY name)",
			       -1, &st, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0))
		names = xstrdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return names;
}

/* Compares a table or trigger with that of a database that was just made. */
static int check_part(struct db *db, struct db *model, const char *type,
		      const char *name, struct buf *why)
{
	char *want = columns_of(model, name);
	char *have = columns_of(db, name);
	bool same = want && have && strcmp(want, have) == 0;
	int64_t n = 0;
	char *text = sqlite3_mprintf("SELECT count(*) FROM sqlite_master "
				     "WHERE type=%Q AND name=%Q", type, name);
	int err = db_query_int(db, text, &n);

	if (!err && !n)
		buf_printf(why, "tasks.db lacks the %s %s", type, name);
	else if (!err && !same && strcmp(type, "table") == 0)
		buf_printf(why, "the table %s of tasks.db has other columns "
				"than it should", name);
	sqlite3_free(text);
	free(want);
	free(have);
	return err ? err : why->n ? -EUCLEAN : 0;
}

static int check_parts(struct db *db, struct buf *why)
{
	struct db model = {0};
	sqlite3_stmt *st = NULL;
	int err = sql_errno(sqlite3_open(":memory:", &model.sql));

	if (!err)
		err = db_make_tables(&model);
	if (!err)
		err = sql_errno(sqlite3_prepare_v2(model.sql,
			"SELECT type, name FROM sqlite_master "
			"WHERE type IN ('table', 'trigger')", -1, &st, NULL));
	while (!err && sqlite3_step(st) == SQLITE_ROW)
		err = check_part(db, &model,
				 (const char *)sqlite3_column_text(st, 0),
				 (const char *)sqlite3_column_text(st, 1), why);
	sqlite3_finalize(st);
	db_close(&model);
	return err;
}

/* Before anything is changed: whether it is a database of taskfs, and of which
 * version. */
static int check_whose(struct db *db, int64_t *ret_version, struct buf *why)
{
	int64_t parts = 0;
	int err = db_query_int(db, "PRAGMA user_version", ret_version);

	if (!err)
		err = db_query_int(db, "SELECT count(*) FROM sqlite_master", &parts);
	if (err)
		return err;
	if (*ret_version > DB_VERSION) {
		buf_printf(why, "tasks.db is of version %lld, this program "
				"reads up to %d: it was made by a newer one",
			   (long long)*ret_version, DB_VERSION);
		return -EPROTO;
	}
	if (*ret_version == 0 && parts)
		return damaged(why, "tasks.db is a database, and none of taskfs");
	return 0;
}

/* Fills an empty database, and upgrades an old one. */
static int bring_up(struct db *db, int64_t version, struct buf *why)
{
	int err = 0;

	/* That can be set only while the database is empty. */
	if (version == 0)
		err = db_exec(db, "PRAGMA auto_vacuum=INCREMENTAL");
	if (version == 0)
		return err ? err : db_make_tables(db);
	if (version < DB_VERSION)
		err = upgrade(db, version);
	return err ? err : check_parts(db, why);
}

/* In the cases that are refused here SQLite would make a new database, and delete the
 * log. */
static int check_files(const struct db *db, struct buf *why)
{
	char *wal = xasprintf("%s-wal", db->path);
	char *recovered = xasprintf("%s.recovered", db->path);
	bool half_way = access(recovered, F_OK) == 0;
	struct stat st;
	bool empty = stat(db->path, &st) < 0 || st.st_size == 0;
	const char *how = stat(db->path, &st) < 0 ? "missing" : "empty";
	bool log = stat(wal, &st) == 0 && st.st_size > 0;
	int err = 0;

	if (half_way)
		buf_puts(why, "a recovery was interrupted: run --recover again, "
			      "it goes on");
	else if (empty && log)
		buf_printf(why, "tasks.db is %s, and its log tasks.db-wal is "
				"there", how);
	else if (empty && files_any(db))
		buf_printf(why, "tasks.db is %s, and outputs of its tasks are "
				"in outputs/", how);
	else if (log)
		err = wal_check(wal, why);
	free(wal);
	free(recovered);
	return why->n ? -EUCLEAN : err;
}

void db_name_files(struct db *db, const char *dir)
{
	*db = (struct db){.path = xasprintf("%s/tasks.db", dir),
			  .outputs = xasprintf("%s/outputs", dir),
			  .lost = xasprintf("%s/lost+found", dir)};
	reserve_init(&db->reserve, dir);
}

/* keep: the last connection that closes the database leaves its log as it is. */
static int keep_log(struct db *db, bool keep)
{
	return sql_errno(sqlite3_db_config(db->sql,
					   SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
					   (int)keep, NULL));
}

/*
 * A log is shared by means of memory (tasks.db-shm), which hosts of a network file system
 * do not share. With the database to itself SQLite needs none
 * (https://sqlite.org/wal.html#use_of_wal_without_shared_memory).
 */
static const char *how_to_lock(const struct db *db)
{
	int fd = open(db->outputs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool remote = fd >= 0 && file_is_remote(fd);

	if (fd >= 0)
		close(fd);
	if (!remote)
		return "PRAGMA locking_mode=NORMAL";
	log_warning("tasks.db is on a network file system: nobody else can read it "
		    "while this controller runs, and a lock that the file system does "
		    "not keep cannot stop a second one on another host",
		    log_str("file", db->path));
	return "PRAGMA locking_mode=EXCLUSIVE";
}

int db_open(struct db *db, const char *dir, bool full, struct buf *why)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX;
	mode_t mask = umask(077);
	int64_t version = 0;
	int err;

	db_name_files(db, dir);
	db->full = full;
	err = file_mkdirs(db->outputs, 0700);
	if (!err)
		err = check_files(db, why);
	if (!err)
		err = db_said(db, sqlite3_open_v2(db->path, &db->sql, flags,
						  NULL));
	/* The log stays until all is read: a database that is refused is not changed. */
	if (!err)
		err = keep_log(db, true);
	if (!err)
		err = db_exec(db, how_to_lock(db));
	/* To write zeros over all that a purge deletes takes as much room in the log. */
	if (!err)
		err = db_exec(db, "PRAGMA busy_timeout=2000;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA secure_delete=FAST;"
			       "PRAGMA cell_size_check=ON");
	if (!err)
		err = check_whose(db, &version, why);
	if (!err)
		err = db_exec(db, full ? "PRAGMA synchronous=FULL"
				    : "PRAGMA synchronous=NORMAL");
	if (!err)
		err = bring_up(db, version, why);
	if (!err)
		err = db_open_records(db);
	db_say(db, err, why);
	if (err)
		db_close(db);
	umask(mask);
	return err;
}

/* An upgrade is one transaction, which ends here. */
int db_accept(struct db *db)
{
	int err = sqlite3_get_autocommit(db->sql) ? 0 : db_commit(db);

	if (!err)
		err = db_exec(db, "PRAGMA journal_mode=WAL;"
			       "PRAGMA journal_size_limit=16777216;"
			       "PRAGMA cache_spill=ON");
	if (!err)
		db_shrink_old(db);
	if (!err)
		reserve_open(&db->reserve);
	return err ? err : keep_log(db, false);
}

static bool has_log(const struct db *db)
{
	char *path = xasprintf("%s-wal", db->path);
	bool has = access(path, F_OK) == 0;

	free(path);
	return has;
}

int db_open_readonly(struct db *db, const char *dir, struct buf *why)
{
	int64_t version = 0;
	int err;

	db_name_files(db, dir);
	err = check_files(db, why);
	if (err) {
		db_say(db, err, why);
		return err;
	}
	db->made_log = !has_log(db);
	err = db_said(db, sqlite3_open_v2(db->path, &db->sql,
					  SQLITE_OPEN_READWRITE |
						  SQLITE_OPEN_NOMUTEX, NULL));
	if (!err)
		err = keep_log(db, true);
	/* With the database to itself SQLite makes no file to share (tasks.db-shm). */
	if (!err)
		err = db_exec(db, "PRAGMA locking_mode=EXCLUSIVE;"
			       "PRAGMA query_only=ON;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA cell_size_check=ON");
	if (!err)
		err = check_whose(db, &version, why);
	if (!err && version < DB_VERSION) {
		buf_printf(why, "tasks.db is of version %lld: start a controller "
				"on it first, which brings it up to date",
			   (long long)version);
		return -EPROTO;
	}
	if (!err)
		err = check_parts(db, why);
	db_say(db, err, why);
	return err;
}

/* Removes the empty log that SQLite made to read the database. */
static void remove_log(const struct db *db)
{
	char *path = xasprintf("%s-wal", db->path);
	struct stat st;

	if (stat(path, &st) == 0 && st.st_size == 0)
		unlink(path);
	free(path);
}

void db_disconnect(struct db *db)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(db->stmt); i++) {
		sqlite3_finalize(db->stmt[i]);
		db->stmt[i] = NULL;
	}
	sqlite3_close(db->sql);
	db->sql = NULL;
	if (db->made_log)
		remove_log(db);
	db->made_log = false;
}

void db_close(struct db *db)
{
	db_disconnect(db);
	free(db->path);
	free(db->outputs);
	free(db->lost);
	reserve_done(&db->reserve);
	map_done(&db->forget);
	*db = (struct db){0};
}
