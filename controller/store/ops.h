/*
 * ops.h: the operations of the store: what each kind of them does, in its thread
 * (run, once_more, behind) and in the loop's (bytes, free). A new kind is one more of
 * enum store_kind, its row in ops.c, and the functions that the row names.
 */
#ifndef TASKFS_CONTROLLER_STORE_OPS_H
#define TASKFS_CONTROLLER_STORE_OPS_H

#include "sql.h"

struct op_kind {
	/* Carries it out, inside a transaction; 0 or -errno. */
	int (*run)(struct db *db, struct store_op *op);
	/* Bytes that it holds until it is stored; NULL: none worth counting. */
	uint64_t (*bytes)(const struct store_op *op);
	/* Frees what it owns, but not the operation itself; NULL: nothing. */
	void (*free)(struct store_op *op);
	/* Takes back what its first run gave, before another; NULL: nothing. */
	void (*once_more)(struct store_op *op);
	/* What follows its transaction, which failed with err; NULL: nothing. */
	void (*behind)(struct db *db, struct store_op *op, int err);
	/* When it cannot be carried out, what is put beside it still is. */
	bool alone;
};

const struct op_kind *op_kind(const struct store_op *op);

/* Carries out one operation inside a transaction; -errno. */
int db_run(struct db *db, struct store_op *op) must_check;
char *db_meta(struct db *db, const char *key);

#endif
