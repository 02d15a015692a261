/*
 * files.h: outputs that are too big for the database: each is a file.
 */
#ifndef TASKFS_CONTROLLER_STORE_FILES_H
#define TASKFS_CONTROLLER_STORE_FILES_H

#include "sql.h"

/* The operations STORE_APPEND, and STORE_READ of what is a file; -errno. */
int files_append(struct db *db, struct store_op *op) must_check;
/* The file op->io.name of an engine becomes the output (when the offset is 0), which has
 * offset + length bytes at least. -ENODATA: it has not. */
int files_adopt(struct db *db, struct store_op *op) must_check;
int files_read(struct db *db, struct store_op *op) must_check;

/* With --durability=full: the files that the row names are on disk when it returns;
 * -errno. */
int files_sync(struct db *db, const struct task_row *t) must_check;

/* After the transaction that has removed a result: its files go. */
void files_unlink(struct db *db, const struct store_op *op);

/*
 * A task waits again: the files of its last try go when that is stored, but not those
 * that its next try has begun already. files_forgotten() is called after each
 * transaction; stored: it was committed.
 */
void files_forget(struct db *db, uint64_t result, uint32_t index);
void files_forgotten(struct db *db, bool stored);

/*
 * At the start: files of results that are not there are moved to db->lost, where none
 * replaces another. *ret_n: how many; -errno.
 */
int files_put_aside(struct db *db, uint64_t *ret_n) must_check;

/* How large the file of an output is; -errno. */
int files_size(const struct db *db, uint64_t result, uint32_t index,
	       enum stream s, uint64_t *ret_size) must_check;

/* Whether there is any file in db->outputs. */
bool files_any(const struct db *db);

#endif
