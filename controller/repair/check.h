/* check.h: taskfs-controller --check: what is wrong with what is stored, and what
 * can be had back of it. For a directory that no controller runs on. */
#ifndef TASKFS_CONTROLLER_REPAIR_CHECK_H
#define TASKFS_CONTROLLER_REPAIR_CHECK_H

#include "base/base.h"

#include <stdio.h>

/*
 * Looks at every page and row in dir, at output files until a row is wrong, and
 * changes nothing. A line to `out` for what is wrong. 0: all is whole; -EUCLEAN;
 * -errno: it could not be looked at, `out` has why.
 */
int store_check(const char *dir, FILE *out) must_check;

#endif
