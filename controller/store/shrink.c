#include "base/base.h"
#include "shrink.h"

#include "base/log.h"
#include "open.h"
#include "sql.h"

/*
 * Empty pages stay in tasks.db, for what is stored next. When more than half of its
 * pages are empty they are given back, a few at a time, when the store has nothing else
 * to do (https://sqlite.org/pragma.html#pragma_incremental_vacuum).
 */
#define FREE_LEAST 256		/* pages; of 4 KiB each, 1 MiB */
#define FREE_STEP 512

static bool has_much(struct db *db, int64_t *ret_free)
{
	int64_t all = 0;

	*ret_free = 0;
	if (db_query_int(db, "PRAGMA freelist_count", ret_free) ||
	    db_query_int(db, "PRAGMA page_count", &all))
		return false;
	return *ret_free > FREE_LEAST && *ret_free > all / 2;
}

static bool shrink(struct db *db, const char *text)
{
	int err = db_exec(db, text);

	if (err)
		log_warning("tasks.db cannot be made smaller", log_errno(err),
			    log_str("why", db->said));
	return err == 0;
}

void db_empty_log(struct db *db)
{
	(void)!sqlite3_exec(db->sql, "PRAGMA wal_checkpoint(TRUNCATE)", NULL,
			    NULL, NULL);
}

bool db_shrink(struct db *db)
{
	int64_t n;

	if (has_much(db, &n)) {
		char text[64];

		snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%d)",
			 FREE_STEP);
		db->shrunk = shrink(db, text);
		return db->shrunk;
	}
	/* The file gets smaller when the log is written back into it. */
	if (db->shrunk)
		(void)!shrink(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	db->shrunk = false;
	return false;
}

void db_shrink_old(struct db *db)
{
	int64_t way = 0, n;

	if (db_query_int(db, "PRAGMA auto_vacuum", &way) || way == 2 ||
	    !has_much(db, &n))
		return;
	(void)!shrink(db, "PRAGMA auto_vacuum=INCREMENTAL; VACUUM");
}
