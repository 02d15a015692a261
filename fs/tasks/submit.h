/*
 * submit.h: tasks/new, tasks/NAME, engines/<id>/new, engines/VIEW/new: files
 * that take tasks.
 *
 * Everything written between two submissions is one text. Plain text is one
 * task; text whose first byte (behind blanks) is { is JSON objects (but see
 * textkind.h), each one checked as soon as it is complete. It is submitted
 *
 *   - at a FLUSH by the process that opened the file (shells flush more
 *     descriptors than they close, and programs they run flush theirs);
 *   - at a READ, which then gives the ids, one line each;
 *   - at RELEASE;
 *   - JSON also on the way, when BATCH_RESULTS or BATCH_BYTES are complete.
 *
 * The FLUSH or READ is answered when the controller has stored everything.
 * A mistake in the JSON fails the WRITE that brings it: objects before it are
 * submitted, it and what follows are not. The reason goes to the log and to
 * tasks/error.
 */
#ifndef TASKFS_FS_TASKS_SUBMIT_H
#define TASKFS_FS_TASKS_SUBMIT_H

#include "tree/node.h"

extern const struct io submit_io;
/* The same on the engines of a directory of engines/. */
extern const struct io view_submit_io;
/* The same under a name. */
extern const struct io named_submit_io;
/* Somebody has tasks/NAME open to write. */
bool submit_is_open(const struct fs *fs, struct bytes name);

#endif
