/*
 * ops.h: the operations of the store: what each kind does in the store's thread (run,
 * once_more, behind) and in the loop's (bytes, free). A new kind is one more of enum
 * store_kind, its row in ops.c, and the functions that the row names.
 */
#ifndef TASKFS_CONTROLLER_STORE_OPS_H
#define TASKFS_CONTROLLER_STORE_OPS_H

#include "sql.h"

struct op_kind {
	/* Carries out the operation, inside a transaction; 0 or -errno. */
	int (*run)(struct db *db, struct store_op *op);
	/* How many bytes the operation holds until it is stored; NULL: too few to be
	 * counted. */
	uint64_t (*bytes)(const struct store_op *op);
	/* Frees what the operation owns, but not the operation; NULL: it owns
	 * nothing. */
	void (*free)(struct store_op *op);
	/* Before it is run again: forgets what the first run gave; NULL: nothing. */
	void (*once_more)(struct store_op *op);
	/* Called after its transaction; err: 0, or why that failed. NULL: nothing is
	 * to be done. */
	void (*behind)(struct db *db, struct store_op *op, int err);
	/* Before it is carried out on a full disk, with the reserve: does most of it in
	 * transactions of its own, each of which needs little room; -errno. NULL: it needs
	 * little by itself. */
	int (*in_parts)(struct db *db, struct store_op *op);
	/* When it cannot be carried out, the others of its transaction still are. */
	bool alone;
	/* The database grows by it: it is refused while the disk is full. */
	bool grows;
	/* It makes room: it may have the reserve. */
	bool makes_room;
};

const struct op_kind *op_kind(const struct store_op *op);

/* The disk is full, and the operation would make the database grow. */
bool db_refuses(struct db *db, const struct store_op *op);

/* Carries out one operation inside a transaction; -errno. */
int db_run(struct db *db, struct store_op *op) must_check;

#endif
