/*
 * cells.h: lines of fields with tabs between them. How long one is, is known without
 * making it: there may be a million.
 */
#ifndef TASKFS_FS_RESULTS_CELLS_H
#define TASKFS_FS_RESULTS_CELLS_H

#include "base/buf.h"

/* What is not known, or negative, is shown as "-": a shell takes two tabs for one. */
enum cell_kind {
	CELL_NONE,
	CELL_NUMBER,
	CELL_TIME,	/* usec since 1970; 0 is not known */
	CELL_SECONDS,	/* usec, shown with six decimals */
	CELL_USAGE,	/* msec, shown with three */
	CELL_WORD,	/* borrowed, and needs no escapes */
};

struct table_cell {
	enum cell_kind kind;
	int64_t n;
	const char *word;
};

/* With a tab behind each. */
void cells_put(const struct table_cell *cell, size_t n, struct buf *out);
size_t cells_size(const struct table_cell *cell, size_t n);

#endif
