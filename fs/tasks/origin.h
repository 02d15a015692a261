/*
 * origin.h: the directory that a task is submitted from.
 *
 * It is a text, as /proc says it. Where a task cannot run in it the text says why
 * in brackets, so that no directory of that name is taken for it: "/tmp/x
 * (deleted)", "/mnt/results (of the mount)", "(not known)".
 */
#ifndef TASKFS_FS_TASKS_ORIGIN_H
#define TASKFS_FS_TASKS_ORIGIN_H

#include "base/buf.h"
#include "tree/fs.h"
#include "wire/json.h"

/* Of the process of that thread; the caller's, never NULL. */
char *origin_find(const struct fs *fs, pid_t tid);
/*
 * Adds to a task's options where it is submitted from, and has a relative `cwd`
 * begin there. -EINVAL or -EFBIG with the reason in *why.
 */
int origin_add(const char *origin, struct json_object *options,
	       struct buf *why) must_check;

#endif
