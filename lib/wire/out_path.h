/*
 * out_path.h: the options stdout and stderr: a file that gets a copy of an output.
 *
 * "%i" is the id of the result, "%n" the number of the task, "%%" a %. With ">>" before
 * it the file is appended to, and not emptied first.
 */
#ifndef TASKFS_OUT_PATH_H
#define TASKFS_OUT_PATH_H

#include "base/buf.h"

/* There is a path, and each % is one of these. */
bool out_path_ok(struct bytes text);
/* Tasks of one result do not empty each other's file: there is a %n, or it is
 * appended to. */
bool out_path_is_for_many(struct bytes text);
/* The path alone, of that task. true: it is appended to. */
bool out_path_put(struct bytes text, uint64_t result, uint64_t task,
		  struct buf *out);

#endif
