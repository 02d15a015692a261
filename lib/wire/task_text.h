/*
 * task_text.h: task options as texts of files: what a result shows, and what a
 * draft is told.
 */
#ifndef TASKFS_TASK_TEXT_H
#define TASKFS_TASK_TEXT_H

#include "wire/task_option.h"

/* A value as its file shows it: text with a newline at its end. */
void task_option_show(const struct task_option *o, struct json_object *v,
		      struct buf *out);
/*
 * The value of a file's text, the other way round, and checked: *ret_v is the
 * caller's to put. Lines are taken as they are, also those that look like
 * JSON. Engine ids may also be written as 0,2-3. Not of TASK_BYTES, which need no
 * parsing. -EINVAL or -EFBIG with the reason in *why.
 */
int task_option_parse(const struct task_option *o, struct bytes text,
		      struct json_object **ret_v, struct buf *why) must_check;

#endif
