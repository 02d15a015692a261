/*
 * files.h: outputs that are files.
 */
#ifndef TASKFS_CONTROLLER_STORE_FILES_H
#define TASKFS_CONTROLLER_STORE_FILES_H

#include "sql.h"

/* The files of big outputs (files.c); -errno. */
int files_append(struct db *db, struct store_op *op) must_check;
int files_read(struct db *db, struct store_op *op) must_check;

/* With durability full: what the row points to is on disk. */
int files_sync(struct db *db, const struct task_row *t) must_check;

/* Behind the transaction that took the rows away. */
void files_unlink(struct db *db, const struct store_op *op);

/*
 * A task begins anew: the files of its last try go when that is stored, but those
 * its next try has begun. files_forgotten() is behind each transaction.
 */
void files_forget(struct db *db, uint64_t result, uint32_t index);
void files_forgotten(struct db *db, bool stored);

/*
 * At the start: those of results that are not there are put into db->lost, never
 * over another. *ret_n: how many.
 */
int files_put_aside(struct db *db, uint64_t *ret_n) must_check;

/* How large the file of an output is; -errno. */
int files_size(const struct db *db, uint64_t result, uint32_t index,
	       enum stream s, uint64_t *ret_size) must_check;

/* Is there a file in outputs? */
bool files_any(const struct db *db);

#endif
