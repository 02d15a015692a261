/*
 * pull.h: the value of a variable for an open file; of several engines: their
 * values one behind the other.
 *
 * The first piece of each is asked for (some at a time), which says how large
 * they are; then the rest as it is read. So all of them are as of the first
 * READ: a value that changes meanwhile is ESTALE, as far as the engine does not
 * have the old one any more.
 */
#ifndef TASKFS_FS_VARS_PULL_H
#define TASKFS_FS_VARS_PULL_H

#include "base/idlist.h"
#include "park/reply.h"

struct file;
struct pull;
struct var_name;

/* Engines are copied; the name's user is the caller. lines: a list is so many
   lines (of an engine whose values are not bytes). */
struct pull *pull_new(struct file *f, const struct idlist *engines,
		      struct var_name *name, bool lines);
/* NULL is fine. */
void pull_free(struct pull *p);
/* 0, -EINPROGRESS, -errno. May give less than asked before the end. */
int pull_read(struct pull *p, uint64_t off, size_t n, struct answer *a)
	must_check;

#endif
