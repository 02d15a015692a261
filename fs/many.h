/*
 * many.h: the files of a map or view that show what all its tasks wrote, one
 * behind the other (lane.h).
 *
 * value: in the order of the items, as far as they are there. Where the first
 * that is not ok would begin, a READ waits for it, or gets its error. stdout,
 * stderr, data: the same order, but of whatever ended, and what the first
 * that has not ended wrote so far. output: the stdout and then the stderr of
 * each; while it runs, in the order in which they end.
 */
#ifndef TASKFS_FS_MANY_H
#define TASKFS_FS_MANY_H

#include "lane.h"
#include "node.h"

uint64_t many_size(const struct obj *o, enum lane_of of);
int many_read(struct file *f, const struct obj *o, enum lane_of of,
	      const struct ask *ask, struct answer *a) must_check;
int many_value_ready(const struct file *f, const struct obj *o);
int many_value_read(struct file *f, const struct obj *o, const struct ask *ask,
		    struct answer *a) must_check;
int many_output_open(struct file *f, const struct obj *o);
int many_output_read(struct file *f, const struct obj *o,
		     const struct ask *ask, struct answer *a) must_check;

extern const struct io completed_io; /* as_completed */

#endif
