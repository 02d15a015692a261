/*
 * result.h: the small files of a result: of one of one task, of one task of a map or
 * view, or of a map or view as a whole (o->task is NULL then).
 */
#ifndef TASKFS_FS_RESULTS_RESULT_H
#define TASKFS_FS_RESULTS_RESULT_H

#include "tree/node.h"

bool result_has_ok(const struct obj *o);
bool result_has_stdin(const struct obj *o);
bool result_has_map(const struct obj *o);
bool result_has_items(const struct obj *o);
bool result_has_item(const struct obj *o);

int result_status(const struct obj *o, struct buf *out);
int result_progress(const struct obj *o, struct buf *out);
int result_elapsed(const struct obj *o, struct buf *out);
int result_wait(const struct obj *o, struct buf *out);
int result_ready(const struct obj *o, struct buf *out);
int result_successful(const struct obj *o, struct buf *out);
int result_ok(const struct obj *o, struct buf *out);
int result_submitted(const struct obj *o, struct buf *out);
int result_started(const struct obj *o, struct buf *out);
int result_completed(const struct obj *o, struct buf *out);
int result_received(const struct obj *o, struct buf *out);
int result_wall_time(const struct obj *o, struct buf *out);
int result_serial_time(const struct obj *o, struct buf *out);
int result_speedup(const struct obj *o, struct buf *out);
int result_engine(const struct obj *o, struct buf *out);
int result_msg_ids(const struct obj *o, struct buf *out);
int result_error(const struct obj *o, struct buf *out);
int result_exit_status(const struct obj *o, struct buf *out);
int result_why(const struct obj *o, struct buf *out);
bool result_has_stdout_path(const struct obj *o);
int result_stdout_path(const struct obj *o, struct buf *out);
bool result_has_stderr_path(const struct obj *o);
int result_stderr_path(const struct obj *o, struct buf *out);
int result_attempts(const struct obj *o, struct buf *out);
int result_usage(const struct obj *o, struct buf *out);

#endif
