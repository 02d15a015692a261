/*
 * store_check.h: what is wrong with what is stored, and what can be had back of
 * it. For a directory that no controller runs on.
 */
#ifndef TASKFS_STORE_CHECK_H
#define TASKFS_STORE_CHECK_H

#include "base/base.h"

#include <stdio.h>

/*
 * Looks at every page, row and output file in dir and changes nothing. A line to
 * `out` for each thing that is wrong, and one at the end. 0: all is whole; -EUCLEAN;
 * -errno: it could not be looked at, `out` has why.
 */
int store_check(const char *dir, FILE *out) must_check;

/*
 * Makes a new tasks.db of what can be read of the old one, its log and outputs. The
 * old one is copied to lost+found before; nothing is thrown away. What ran, or may
 * have run, is not run again: a task whose row is lost has ended as an error. Lines
 * to `out` say what was had back and what is lost. 0, -errno.
 */
int store_recover(const char *dir, FILE *out) must_check;

#endif
