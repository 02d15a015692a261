/*
 * recover.h: taskfs-controller --recover: a new database from a damaged one.
 */
#ifndef TASKFS_CONTROLLER_REPAIR_RECOVER_H
#define TASKFS_CONTROLLER_REPAIR_RECOVER_H

#include "check.h"

/*
 * Makes a new tasks.db of what can be read of the old one, its log and outputs. The
 * old one is kept in lost+found. What ran, or may
 * have run, is not run again: a task whose row is lost has ended as an error. Lines
 * to `out` say what was had back and what is lost. 0, -errno.
 */
int store_recover(const char *dir, FILE *out) must_check;

#endif
