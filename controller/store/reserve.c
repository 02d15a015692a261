#include "base/base.h"
#include "reserve.h"

#include "base/log.h"
#include "sql.h"

#include <fcntl.h>
#include <sys/statvfs.h>

static uint64_t free_bytes(const struct db *db)
{
	struct statvfs st;

	return statvfs(db->outputs, &st) < 0
		       ? 0
		       : (uint64_t)st.f_bavail * st.f_frsize;
}

static uint64_t size_for(const struct db *db)
{
	struct statvfs st;

	if (statvfs(db->outputs, &st) < 0)
		return RESERVE_SIZE;
	return min_u64(RESERVE_SIZE,
		       (uint64_t)st.f_blocks * st.f_frsize / 16);
}

/* Whether the file has all of its bytes now. */
static bool make(struct reserve *r)
{
	int fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)r->size);

	if (!err && ftruncate(fd, (off_t)r->size) < 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	if (err)
		unlink(r->path);
	return err == 0;
}

/* What SQLite has written twice, in the database and in its log, takes room once. */
static void empty_log(struct db *db)
{
	(void)!sqlite3_exec(db->sql, "PRAGMA wal_checkpoint(TRUNCATE)", NULL,
			    NULL, NULL);
}

static void set_full(struct db *db, bool full)
{
	struct reserve *r = &db->reserve;

	if (r->full == full)
		return;
	r->full = full;
	if (full)
		log_error("the disk is full: submissions are refused, and tasks "
			  "wait, until something is purged or deleted");
	else
		log_info("the disk has room again");
}

void reserve_open(struct db *db)
{
	struct reserve *r = &db->reserve;

	r->size = size_for(db);
	r->whole = make(r);
	if (!r->whole)
		log_warning("there is no room for the reserve, which lets "
			    "results be purged when the disk is full",
			    log_str("file", r->path),
			    log_int("bytes", (int64_t)r->size));
}

void reserve_did_not_fit(struct db *db)
{
	struct reserve *r = &db->reserve;

	empty_log(db);
	if (!r->whole || free_bytes(db) < r->size)
		set_full(db, true);
}

bool reserve_give(struct db *db)
{
	struct reserve *r = &db->reserve;

	if (!r->whole)
		return false;
	r->whole = false;
	set_full(db, true);
	if (unlink(r->path) == 0)
		return true;
	log_error("the reserve cannot be given back", log_errno(-errno),
		  log_str("file", r->path));
	return false;
}

bool reserve_is_low(const struct db *db)
{
	return !db->reserve.whole || db->reserve.full;
}

void reserve_look(struct db *db)
{
	struct reserve *r = &db->reserve;
	uint64_t left = free_bytes(db);

	if (!r->whole && left >= 2 * r->size) {
		r->whole = make(r);
		left = free_bytes(db);
	}
	if (r->whole && left >= r->size)
		set_full(db, false);
}
