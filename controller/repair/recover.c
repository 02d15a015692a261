#include "base/base.h"
#include "recover.h"

#include "base/file.h"
#include "check.h"
#include "recover_parts.h"
#include "store/files.h"
#include "store/open.h"
#include "disk/wal.h"

#include <fcntl.h>
#include <sys/stat.h>

/* --- the copy ----------------------------------------------------------- */

/* Copies the bytes as they are; 0 when there is no such file. */
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

/* Removes what a recovery that ended before its time has left; the copy in *part,
 * too. */
static void remove_rest(const struct recover *k, const char *part)
{
	static const char *const suffix[] = {
		".new", ".new-journal", ".new-wal", ".new-shm",
		".old", ".old-journal", ".old-wal", ".old-shm"};
	static const char *const kept[] = {"", "-wal", "-journal"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(suffix); i++) {
		char *path = xasprintf("%s%s", k->db.path, suffix[i]);

		unlink(path);
		free(path);
	}
	for (i = 0; i < ARRAY_SIZE(kept); i++) {
		char *path = xasprintf("%s/tasks.db%s", part, kept[i]);

		unlink(path);
		free(path);
	}
	rmdir(part);
	rmdir(k->db.lost);	/* fails when something else is in it */
}

/*
 * Copies tasks.db and its log twice: to *part, to keep, and to tasks.db.old, to
 * read.
 */
static int make_copies(struct recover *k, const char *part)
{
	static const char *const suffix[] = {"", "-wal", "-journal"};
	size_t i;
	int err;

	remove_rest(k, part);
	err = file_mkdirs(part, 0700);
	for (i = 0; i < ARRAY_SIZE(suffix) && !err; i++) {
		char *from = xasprintf("%s%s", k->db.path, suffix[i]);
		char *kept = xasprintf("%s/tasks.db%s", part, suffix[i]);
		char *read = xasprintf("%s.old%s", k->db.path, suffix[i]);

		err = copy_file(from, kept);
		if (!err)
			err = copy_file(from, read);
		free(from);
		free(kept);
		free(read);
	}
	if (err)
		recover_say(k, "tasks.db cannot be copied to %s: %s", k->db.lost,
			    strerror(-err));
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

/* The copy is whole: it gets a name that says when, and that nothing else has. */
static int name_copy(struct recover *k, const char *part)
{
	time_t now = time(NULL);
	struct tm tm;
	char date[32];
	char *path;
	int i = 0, err;

	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	path = xasprintf("%s/tasks.db.%s", k->db.lost, date);
	while (access(path, F_OK) == 0) {
		free(path);
		path = xasprintf("%s/tasks.db.%s.%d", k->db.lost, date, ++i);
	}
	err = sync_path(part);
	if (!err && rename(part, path) < 0)
		err = -errno;
	if (!err)
		err = sync_path(k->db.lost);
	if (!err)
		recover_say(k, "the old tasks.db is kept in %s", path);
	free(path);
	return err;
}

/* --- the new one -------------------------------------------------------- */

/* Opens tasks.db.old, to be read: nothing is written for that, so that a full disk
 * is not taken for damage. */
static void open_old(struct recover *k)
{
	char *path = xasprintf("%s.old", k->db.path);

	if (sqlite3_open_v2(path, &k->old,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				    SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
		(void)!sqlite3_exec(k->old,
				    "PRAGMA locking_mode=EXCLUSIVE;"
				    "PRAGMA temp_store=MEMORY;"
				    "PRAGMA cell_size_check=ON", NULL, NULL,
				    NULL);
	sqlite3_db_config(k->old, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	free(path);
}

/* Makes and opens tasks.db.new. */
static int open_new(struct recover *k)
{
	char *path = xasprintf("%s.new", k->db.path);
	mode_t mask = umask(077);
	int err = db_said(&k->db, sqlite3_open_v2(path, &k->db.sql,
						  SQLITE_OPEN_READWRITE |
							  SQLITE_OPEN_CREATE |
							  SQLITE_OPEN_NOMUTEX,
						  NULL));

	if (!err)
		err = db_make_tables(&k->db);
	recover_change(k, &err, "PRAGMA temp_store=MEMORY");
	umask(mask);
	free(path);
	return err;
}

/* Whether a newer program wrote the old database, which may have what this one does
 * not know. */
static bool is_newer(struct recover *k)
{
	sqlite3_stmt *st = NULL;
	bool newer = false;

	if (recover_prepare(k->old, &st,
			    sqlite3_mprintf("PRAGMA user_version")) == 0 &&
	    sqlite3_step(st) == SQLITE_ROW)
		newer = sqlite3_column_int64(st, 0) > DB_VERSION;
	sqlite3_finalize(st);
	if (newer)
		recover_say(k, "tasks.db was made by a newer taskfs, which can "
			       "recover it");
	return newer;
}

/* What was committed behind what is damaged of the log is had back, too. */
static int mend_log(struct recover *k)
{
	char *path = xasprintf("%s.old-wal", k->db.path);
	uint64_t lost;
	int err = wal_mend(path, &lost);

	k->log_lost = lost || err == -EUCLEAN;
	if (err == -EUCLEAN)
		recover_say(k, "%-14s cannot be read", "tasks.db-wal");
	else if (!err && lost)
		recover_say(k, "%-14s %llu pages cannot be read, and are left "
			       "out", "tasks.db-wal", (unsigned long long)lost);
	free(path);
	return err == -EUCLEAN ? 0 : err;
}

static int rebuild(struct recover *k, const char *dir)
{
	struct stat st;
	int err = stat(dir, &st) < 0 ? -errno : mend_log(k);

	if (err)
		return err;
	open_old(k);
	err = open_new(k);
	if (!err && is_newer(k))
		err = -EPROTO;
	recover_change(k, &err, "BEGIN");
	if (!err)
		err = salvage_rows(k);
	if (!err)
		err = repair_rows(k, st.st_uid, st.st_gid);
	recover_change(k, &err, "COMMIT");
	return err;
}

/* --- in its place ------------------------------------------------------- */

/* From here on the recovery is only to be finished; until it is, nobody starts. */
static int name_recovered(struct recover *k, const char *part, const char *dir)
{
	char *from = xasprintf("%s.new", k->db.path);
	char *to = xasprintf("%s.recovered", k->db.path);
	int err = sync_path(from);

	if (!err)
		err = name_copy(k, part);
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

/* Whether a recovery was interrupted when only the files were left to be named. */
static bool is_half_way(const struct recover *k)
{
	char *path = xasprintf("%s.recovered", k->db.path);
	bool is = access(path, F_OK) == 0;

	free(path);
	return is;
}

static int copy_and_rebuild(struct recover *k, const char *dir)
{
	char *part = xasprintf("%s/tasks.db.part", k->db.lost);
	int err = make_copies(k, part);

	if (!err) {
		err = rebuild(k, dir);
		if (err && err != -EPROTO)
			recover_say(k, "the new database cannot be written: %s",
				    *k->db.said ? k->db.said : strerror(-err));
		sqlite3_close(k->old);
		db_disconnect(&k->db);
	}
	if (!err)
		err = name_recovered(k, part, dir);
	if (err && !is_half_way(k))
		remove_rest(k, part);
	free(part);
	return err;
}

int store_recover(const char *dir, FILE *out)
{
	struct recover k = {.out = out};
	int err = 0;

	db_name_files(&k.db, dir);
	if (is_half_way(&k)) {
		recover_say(&k, "an earlier recovery is finished");
	} else if (access(k.db.path, F_OK) < 0 && !files_any(&k.db)) {
		recover_say(&k, "there is nothing to recover in %s", dir);
		err = -ENOENT;
	} else {
		err = copy_and_rebuild(&k, dir);
	}
	if (!err)
		err = put_in_place(&k, dir);
	if (!err)
		recover_say(&k, "a new tasks.db is in place");
	db_close(&k.db);
	return err ? err : store_check(dir, out);
}
