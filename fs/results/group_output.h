/*
 * group_output.h: the files of a map or view that show what all its tasks wrote, one
 * behind the other (mirror/offsets.h).
 *
 * value: in the order of the items, as far as they are there. Where the first
 * that is not ok would begin, a READ waits for it, or gets its error. stdout,
 * stderr, data: the same order, but of whatever ended, and what the first
 * that has not ended wrote so far. output: the stdout and then the stderr of
 * each; while it runs, in the order in which they end.
 */
#ifndef TASKFS_FS_RESULTS_GROUP_OUTPUT_H
#define TASKFS_FS_RESULTS_GROUP_OUTPUT_H

#include "mirror/offsets.h"
#include "tree/node.h"

uint64_t group_stream_size(const struct obj *o, enum offsets_of of);
int group_stream_read(struct file *f, const struct obj *o, enum offsets_of of,
		      const struct ask *ask, struct answer *a) must_check;
int group_value_ready(const struct file *f, const struct obj *o);
int group_value_read(struct file *f, const struct obj *o, const struct ask *ask,
		     struct answer *a) must_check;
int group_output_open(struct file *f, const struct obj *o);
int group_output_read(struct file *f, const struct obj *o,
		      const struct ask *ask, struct answer *a) must_check;

extern const struct io completed_io; /* as_completed */

#endif
